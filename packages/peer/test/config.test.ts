import { deepEqual, equal, throws } from 'node:assert/strict'
import { test } from 'node:test'
import { ShoalError } from '@shoal/core'
import { loadPeerConfig } from '@shoal/peer'

test('the URL of the seed is all that must be given', () => {
  const config = loadPeerConfig({ env: { SHOAL_PEER_SEED_URL: 'http://seed:7420' } })
  equal(config.seed.url, 'http://seed:7420')
  equal(config.api.host, '127.0.0.1')
  equal(Object.isFrozen(config.seed), true)
})

test('a flag wins over the environment, and limits may be given as text', () => {
  const config = loadPeerConfig({
    env: { SHOAL_PEER_SEED_URL: 'http://a:1', SHOAL_PEER_LIMITS_UP_BYTES_PER_SECOND: '5000000' },
    flags: { 'seed.url': 'http://b:1' },
  })
  equal(config.seed.url, 'http://b:1')
  equal(config.limits.upBytesPerSecond, 5_000_000)
})

test('aggregates are a list, none by default, and the rate of the link is that of the machine unless it is given', () => {
  const env = { SHOAL_PEER_SEED_URL: 'http://seed:7420' }
  deepEqual(loadPeerConfig({ env }).aggregates, [])
  equal(loadPeerConfig({ env }).linkBytesPerSecond, null)
  const config = loadPeerConfig({ env, flags: { aggregates: ['gpu', 'fast.1'], linkBytesPerSecond: 1_250_000_000 } })
  deepEqual(config.aggregates, ['gpu', 'fast.1'])
  equal(config.linkBytesPerSecond, 1_250_000_000)
  throws(() => loadPeerConfig({ env, flags: { aggregates: ['a b'] } }), ShoalError)
})

test('one error names every fault: an unknown key, a malformed name, a missing URL', () => {
  throws(
    () => loadPeerConfig({ env: { SHOAL_PEER_NODE: 'Upper Case', SHOAL_PEER_SWAM_PORT: '1' } }),
    (error: unknown) => {
      if (!(error instanceof ShoalError)) return false
      equal(error.code, 'SHOAL_CONFIG_INVALID')
      equal(
        ['seed.url', 'node', 'SHOAL_PEER_SWAM_PORT'].every((fault) => error.message.includes(fault)),
        true,
      )
      return true
    },
  )
})
