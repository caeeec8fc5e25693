import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { runCli } from '../run-cli.ts'
import { buildStatus } from './build-cache.ts'
import { startCachePeer } from './stand-in-cache.ts'

it('shows limit, who takes the space, when eviction begins, and how often the cache had what was wanted', async () => {
  await using peer = await startCachePeer()
  const { code, stdout } = await peer.cache('show')
  assert.equal(code, EXIT.ok)
  assert.deepEqual(stdout.trimEnd().split(/\n/), [
    'limit            60.0 GiB, on a file system of 100 GiB with 30.0 GiB free',
    'taken            45.0 GiB, 75.0 % of it',
    '  by layers      40.0 GiB, 12 of them, 3 pinned',
    '  by others      3.00 GiB, composed disks and files on their way',
    '  promised       2.00 GiB',
    'eviction         begins above 57.0 GiB and goes on down to 51.0 GiB',
    'policy           worth',
    'requests hit     90.0 % of 10',
    'bytes hit        66.6 % of 3.00 GiB',
    'boot blocks hit  nothing asked for yet',
    'evictions        space 12, operator 1',
  ])
})

it('shows an empty cache without room', async () => {
  const nothing = { hits: 0, misses: 0 }
  const status = buildStatus({ limitBytes: 0, takenBytes: 0, requests: nothing, evictions: {} })
  await using peer = await startCachePeer({ status })
  const { stdout } = await peer.cache('show')
  assert.match(stdout, /^taken +0 B$/m)
  assert.match(stdout, /^requests hit +nothing asked for yet$/m)
  assert.match(stdout, /^evictions +none$/m)
})

it('shows the same as JSON of the API', async () => {
  await using peer = await startCachePeer()
  const { stdout } = await peer.cache('show', '--json')
  assert.deepEqual(JSON.parse(stdout), peer.state.status)
})

it('every command of the cache needs a peer', async () => {
  for (const command of ['show', 'list', 'pin aaaaaaaa', 'unpin aaaaaaaa', 'evict aaaaaaaa', 'policy']) {
    const { code, stderr } = await runCli(['cache', ...command.split(' ')])
    assert.equal(code, EXIT.usage, command)
    assert.match(stderr, /peer/, command)
  }
})

it('every command of the cache is completed', async () => {
  const { stdout } = await runCli(['--get-yargs-completions', 'shoal', 'cache', ''])
  for (const verb of ['show', 'list', 'pin', 'unpin', 'evict', 'policy']) {
    assert.match(stdout, new RegExp(`^${verb}\\b`, 'm'))
  }
})
