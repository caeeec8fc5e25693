import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { LimitsChange, LimitsStatus } from '@shoal/api'
import { NO_TRANSFER_LIMITS } from '@shoal/core'
import fc from 'fast-check'
import { EXIT } from '../src/exit-code.ts'
import { formatLimit, parseLimit } from '../src/limits/rate.ts'
import { buildNode } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const MB = 1_000_000
const configured = {
  libraryBytesPerSecond: 50 * MB,
  seedUpBytesPerSecond: null,
  rackUplinkBytesPerSecond: null,
  node: NO_TRANSFER_LIMITS,
}
const limits: LimitsStatus = {
  configured,
  scheduled: null,
  set: { libraryBytesPerSecond: null, node: { upBytesPerSecond: 1024 ** 2 } },
  effective: {
    ...configured,
    libraryBytesPerSecond: null,
    node: { ...NO_TRANSFER_LIMITS, upBytesPerSecond: 1024 ** 2 },
  },
  nextChangeAt: null,
}

it('a rate is read as people write it', () => {
  for (const [text, expected] of [
    ['50MB/s', 50 * MB],
    ['50 MB/s', 50 * MB],
    ['1.5GiB/s', 1.5 * 1024 ** 3],
    ['400Mbit/s', 50 * MB],
    ['10Gbit', 1250 * MB],
    ['100kB', 100_000],
    ['100KB/s', 100_000],
    ['16KiB/s', 16_384],
    ['20000B/s', 20_000],
    ['none', null],
    ['configured', 'configured'],
  ] as const) {
    assert.deepEqual(parseLimit(text), { limit: expected }, text)
  }
})

it('what could mean two things, nothing or far too much is refused with the reason', () => {
  for (const [text, reason] of [
    ['50', /has no unit/],
    ['50Mb/s', /bits or bytes/],
    ['50mbps', /bits or bytes/],
    ['fast', /is no rate/],
    ['-5MB/s', /is no rate/],
    ['1e6B/s', /is no rate/],
    ['', /is no rate/],
    ['5XB/s', /unit that is not known/],
    ['0MB/s', /write none/],
    ['1kB/s', /below the least, 16 KiB\/s/],
    ['1.01TB/s', /above the most, 1 TB\/s/],
  ] as const) {
    const parsed = parseLimit(text)
    assert.match('reason' in parsed ? parsed.reason : 'accepted', reason, text)
  }
})

it('what is written can be given again', () => {
  fc.assert(
    fc.property(fc.integer({ min: 16_384, max: 1e12 }), (limit) => {
      assert.deepEqual(parseLimit(formatLimit(limit)), { limit })
    }),
  )
  for (const [limit, text] of [
    [50 * MB, '50 MB/s'],
    [1.25e9, '1.25 GB/s'],
    [12 * 1024 ** 2, '12 MiB/s'],
    [1_234_567, '1234567 B/s'],
  ] as const) {
    assert.equal(formatLimit(limit), text)
  }
})

it('limits are shown side by side, for all and for one node, and as JSON', async (t) => {
  const silent = buildNode('n2')
  const { inventory } = silent
  assert.ok(inventory)
  const telling = buildNode('n1', [], {
    inventory: { ...inventory, limits: { ...limits.effective.node, upBytesPerSecond: 20_000 } },
  })
  const seed = await startStandInSeed({ limits, nodes: [telling, silent] })
  t.after(() => seed[Symbol.asyncDispose]())
  const access = ['--seed', seed.url, '--token', TOKEN]
  const all = await runCli(['limits', 'show', ...access])
  assert.equal(all.code, EXIT.ok)
  assert.match(all.stdout, /^LIMIT +NOW +SET +SCHEDULED +CONFIGURED/)
  assert.match(all.stdout, /\nlibrary +none +none +- +50 MB\/s/)
  assert.match(all.stdout, /\nseed-up +none +- +- +none/)
  assert.match(all.stdout, /\nrack-uplink +none +- +- +none/)
  assert.match(all.stdout, /\nnode-up +1 MiB\/s +1 MiB\/s +- +none/)
  assert.doesNotMatch(all.stdout, /schedule/)
  assert.deepEqual(JSON.parse((await runCli(['limits', 'show', '--json', ...access])).stdout), limits)

  const one = await runCli(['limits', 'show', '--node', 'n1', ...access])
  assert.match(one.stdout, /\nnode-up +20 kB\/s +1 MiB\/s/)
  const json = JSON.parse((await runCli(['limits', 'show', '--node', 'n2', '--json', ...access])).stdout)
  assert.deepEqual(json, { node: 'n2', fleet: limits.effective.node, effective: null })
  assert.match((await runCli(['limits', 'show', '--node', 'n2', ...access])).stdout, /has not reported/)
  assert.equal((await runCli(['limits', 'show', '--node', 'n3', ...access])).code, EXIT.notFound)
})

it('limits are set in one request, and a fault in any of them sends none', async (t) => {
  const changes: LimitsChange[] = []
  const seed = await startStandInSeed({ limits, onLimits: (change) => changes.push(change) })
  t.after(() => seed[Symbol.asyncDispose]())
  const set = (...args: string[]) => runCli(['limits', 'set', ...args, '--seed', seed.url, '--token', TOKEN])
  const done = await set('--library', '50MB/s', '--seed-up', '1GB/s', '--node-up', '8Mbit/s', '--prefetch', 'none')
  assert.equal(done.code, EXIT.ok)
  assert.match(done.stdout, /^LIMIT +NOW/)
  assert.equal((await set('--cross-rack', 'configured', '--in-rack', '1GB/s', '--node-down', '2GB/s')).code, EXIT.ok)
  assert.equal((await set('--library', 'configured', '--json')).code, EXIT.ok)
  assert.deepEqual(changes.splice(0), [
    {
      libraryBytesPerSecond: 50 * MB,
      seedUpBytesPerSecond: 1000 * MB,
      node: { upBytesPerSecond: MB, prefetchBytesPerSecond: null },
    },
    {
      node: { downBytesPerSecond: 2000 * MB, crossRackBytesPerSecond: 'configured', inRackBytesPerSecond: 1000 * MB },
    },
    { libraryBytesPerSecond: 'configured' },
  ])
  assert.equal((await set('--rack-uplink', '20Gbit/s', '--cross-rack-down', '1GB/s')).code, EXIT.ok)
  assert.deepEqual(changes.splice(0), [
    { rackUplinkBytesPerSecond: 2500 * MB, node: { crossRackDownBytesPerSecond: 1000 * MB } },
  ])
  const faulty = await set('--library', '50', '--seed-up', '1GB/s', '--prefetch', '0MB/s')
  assert.equal(faulty.code, EXIT.usage)
  assert.match(faulty.stderr, /--library: .*no unit.* --prefetch: .*write none/)
  assert.match((await set()).stderr, /Say which limit/)
  assert.match((await set('--library', '1MB/s', '--library', '2MB/s')).stderr, /only once/)
  assert.deepEqual(changes, [])
})
