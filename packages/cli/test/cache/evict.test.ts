import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { EvictionRequest } from '@shoal/api'
import { ShoalError } from '@shoal/core'
import { EXIT } from '../../src/exit-code.ts'
import { digestOf } from '../builders.ts'
import { buildResult, GIB, MIB } from './build-cache.ts'
import { startCachePeer } from './stand-in-cache.ts'

const A = digestOf('aaaaaaaa')
const B = digestOf('bbbbbbbb')

it('evicts as much as is asked for, and says what went and why the rest stays', async () => {
  const requests: EvictionRequest[] = []
  await using peer = await startCachePeer({
    onEvict: (request) => {
      requests.push(request)
      return buildResult()
    },
  })
  const { code, stdout } = await peer.cache('evict', '--bytes', '500MB')
  assert.equal(code, EXIT.ok)
  assert.deepEqual(requests, [{ bytes: 500e6, dryRun: false }])
  assert.deepEqual(stdout.split('\n'), [
    'GONE           ON DISK  BOOT PART STAYS  LAST COPY',
    'aaaaaaaa0000  1.00 GiB         64.0 MiB  yes',
    '',
    '1 layer evicted, 960 MiB free again.',
    '',
    'STAYS          ON DISK  WHY',
    'bbbbbbbb0000  2.00 GiB  vm1.qcow2 (disk)',
    '',
    '1 more stays.',
    '',
  ])
})

it('a dry run says what would go, and exits as if it had', async () => {
  await using peer = await startCachePeer({
    onEvict: ({ dryRun = false }) => buildResult({ dryRun }),
  })
  const enough = await peer.cache('evict', '--bytes', '960MiB', '--dry-run')
  assert.equal(enough.code, EXIT.ok)
  assert.match(
    enough.stdout,
    /^WOULD GO .*\n.*\n\n1 layer would be evicted and 960 MiB be free again; nothing was done\.\n/,
  )
  const short = await peer.cache('evict', '--bytes', '1 GiB', '--dry-run', '--json')
  assert.equal(short.code, EXIT.incomplete)
  assert.deepEqual(JSON.parse(short.stdout), buildResult({ dryRun: true }))
})

it('exits 6 when less became free than was asked for', async () => {
  await using peer = await startCachePeer({ onEvict: () => buildResult({ evictions: [], freedBytes: 0 }) })
  const { code, stdout } = await peer.cache('evict', '--bytes', '2GiB')
  assert.equal(code, EXIT.incomplete)
  assert.match(
    stdout,
    /^0 layers evicted, 0 B free again\.\n2\.00 GiB less than asked for: what is left stays\.\n\nSTAYS /,
  )
})

it('evicts one layer, and is silent about all others', async () => {
  const requests: EvictionRequest[] = []
  await using peer = await startCachePeer({
    onEvict: (request) => {
      requests.push(request)
      return buildResult()
    },
  })
  const { code, stdout } = await peer.cache('evict', 'aaaaaaaa')
  assert.equal(code, EXIT.ok)
  assert.deepEqual(requests, [{ layer: A, dryRun: false }])
  assert.match(stdout, /^GONE .*\naaaaaaaa0000 .*\n\n1 layer evicted, 960 MiB free again\.\n$/)
})

it('exits 6 and says who holds it when one layer stays', async () => {
  await using peer = await startCachePeer({ onEvict: () => buildResult({ evictions: [], freedBytes: 0 }) })
  const { code, stdout } = await peer.cache('evict', 'bbbbbbbb')
  assert.equal(code, EXIT.incomplete)
  assert.match(stdout, /^0 layers evicted, 0 B free again\.\n\nSTAYS .*\nbbbbbbbb0000 .* vm1\.qcow2 \(disk\)\n$/)
  peer.state.onEvict = () => {
    throw new ShoalError('SHOAL_CACHE_PINNED', 'vm1.qcow2 holds it.', { hint: 'Unpin it.' })
  }
  const refused = await peer.cache('evict', B)
  assert.equal(refused.code, EXIT.incomplete)
  assert.match(refused.stderr, /^error: vm1\.qcow2 holds it\.\nhint: Unpin it\./)
  peer.state.onEvict = () => {
    throw new ShoalError('SHOAL_CACHE_LAYER_UNKNOWN', 'It is not there.', { hint: 'List them.' })
  }
  assert.equal((await peer.cache('evict', digestOf('ffffffff'))).code, EXIT.notFound)
})

it('says how many went of several', async () => {
  const [one] = buildResult().evictions
  assert.ok(one)
  const evictions = [one, { ...one, layer: B, keptBytes: 0, isLastCopy: false }]
  await using peer = await startCachePeer({ onEvict: () => buildResult({ evictions, freedBytes: 2 * GIB, kept: [] }) })
  const { stdout } = await peer.cache('evict', '--bytes', `${64 * MIB}`)
  assert.match(stdout, /\nbbbbbbbb0000 +1\.00 GiB +- +-\n\n2 layers evicted, 2\.00 GiB free again\.\n$/)
})

it('refuses what does not say what shall go, before anything does', async () => {
  await using peer = await startCachePeer({
    onEvict: () => {
      throw new Error('asked')
    },
  })
  for (const args of [[], ['aaaaaaaa', '--bytes', '1GiB'], ['--bytes', '0B'], ['--bytes', 'all'], ['--dry-run']]) {
    const { code, stderr } = await peer.cache('evict', ...args)
    assert.equal(code, EXIT.usage, args.join(' '))
    assert.match(stderr, /code: SHOAL_CLI_USAGE/)
  }
})
