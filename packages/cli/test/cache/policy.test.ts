import assert from 'node:assert/strict'
import { it } from 'node:test'
import { EXIT } from '../../src/exit-code.ts'
import { startCachePeer } from './stand-in-cache.ts'

it('shows the policies with a mark at the one in force', async () => {
  await using peer = await startCachePeer()
  const { code, stdout } = await peer.cache('policy')
  assert.equal(code, EXIT.ok)
  assert.equal(stdout, '* worth\n  lru\n  fifo\n')
})

it('sets a policy, and goes back to the configured one', async () => {
  await using peer = await startCachePeer()
  assert.equal((await peer.cache('policy', 'lru')).stdout, '  worth\n* lru\n  fifo\n')
  assert.equal(peer.state.status.policy, 'lru')
  const { stdout } = await peer.cache('policy', '--default', '--json')
  assert.deepEqual(JSON.parse(stdout), peer.state.status)
  assert.equal(peer.state.status.policy, 'worth')
})

it('refuses a policy that is not known, and one together with the default', async () => {
  await using peer = await startCachePeer()
  const unknown = await peer.cache('policy', 'random')
  assert.equal(unknown.code, EXIT.usage)
  assert.match(unknown.stderr, /code: SHOAL_CACHE_POLICY_UNKNOWN/)
  const both = await peer.cache('policy', 'lru', '--default')
  assert.equal(both.code, EXIT.usage)
  assert.match(both.stderr, /code: SHOAL_CLI_USAGE/)
  assert.equal(peer.state.status.policy, 'worth')
})
