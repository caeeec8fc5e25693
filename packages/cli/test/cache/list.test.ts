import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { digestOf } from '../builders.ts'
import { buildCacheLayer, buildPin, MIB } from './build-cache.ts'
import { startCachePeer } from './stand-in-cache.ts'

const hour = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString()

it('lists the layers in the order in which they would go', async () => {
  const layers = [
    buildCacheLayer('aaaaaaaa', { lastUsedAt: hour(-30.5) }),
    buildCacheLayer('bbbbbbbb', { pins: [buildPin()], lastUsedAt: null, uses: 0 }),
    buildCacheLayer('cccccccc', { presentBytes: 16 * MIB, allocatedBytes: 16 * MIB }),
  ]
  await using peer = await startCachePeer({ layers })
  const { code, stdout } = await peer.cache('list')
  assert.equal(code, EXIT.ok)
  const [titles, ...lines] = stdout.split('\n')
  assert.match(titles ?? '', /^LAYER +SIZE +ON DISK +VALUE +LAST USED +USES +COPIES +HELD BY$/)
  assert.match(lines[0] ?? '', /^aaaaaaaa0000 +1\.00 GiB of 1\.00 GiB +1\.00 GiB +1 +30 h ago +3 +2\/1\/0 +-$/)
  assert.match(lines[1] ?? '', /^bbbbbbbb0000 .* - +- +0 +2\/1\/0 +operator$/)
  assert.match(lines[2] ?? '', /^cccccccc0000 +16\.0 MiB of 1\.00 GiB +16\.0 MiB +2 /)
  assert.match(stdout, /\n\nVALUE: the order in which they would go, 1 first/)
})

it('says who holds a layer, shortened, with the kind and what is left of its time', async () => {
  const pins = [
    buildPin({ kind: 'disk', owner: 'vm1.qcow2' }),
    buildPin({ owner: 'a reason that goes on and on and on and on' }),
    buildPin({ kind: 'plan', owner: 'its assignment', expiresAt: hour(2.01) }),
    buildPin(),
    buildPin({ kind: 'machine', owner: 'qemu' }),
  ]
  await using peer = await startCachePeer({ layers: [buildCacheLayer('aaaaaaaa', { pins })] })
  const { stdout } = await peer.cache('list')
  const held =
    / {2}vm1\.qcow2 \(disk\), a reason that goes on and on an… \(operator\), its assignment \(plan, 2 h \d+ min left\) and 2 more$/m
  assert.match(stdout, held)
})

it('a layer that is on its way stays, and so does what is below one that stays', async () => {
  const layers = [
    buildCacheLayer('aaaaaaaa'),
    buildCacheLayer('bbbbbbbb', { parent: digestOf('aaaaaaaa'), isBusy: true }),
    buildCacheLayer('cccccccc', { parent: digestOf('dddddddd') }),
    buildCacheLayer('dddddddd'),
  ]
  await using peer = await startCachePeer({ layers })
  const { stdout } = await peer.cache('list')
  const ends = stdout.split('\n').map((line) => /(\S+) +\S+ \S+ ago +\d+ +\S+ +(.*)$/.exec(line)?.slice(1))
  assert.deepEqual(ends.slice(1, 5), [
    ['-', 'bbbbbbbb0000'],
    ['-', 'its fetch'],
    ['1', '-'],
    ['2', '-'],
  ])
})

it('keeps control characters of an owner off the terminal', async () => {
  const pins = [buildPin({ owner: 'evil\u001b[2J' })]
  await using peer = await startCachePeer({ layers: [buildCacheLayer('aaaaaaaa', { pins })] })
  const { stdout } = await peer.cache('list')
  assert.match(stdout, /evil\?\[2J/)
  assert.ok(!stdout.includes('\u001b'))
})

it('lists the same as JSON of the API, and says when there is nothing', async () => {
  await using peer = await startCachePeer()
  assert.equal((await peer.cache('list')).stdout, 'It holds no layers.\n')
  peer.state.layers = [buildCacheLayer('aaaaaaaa', { pins: [buildPin()] })]
  assert.deepEqual(JSON.parse((await peer.cache('list', '--json')).stdout), { layers: peer.state.layers })
})
