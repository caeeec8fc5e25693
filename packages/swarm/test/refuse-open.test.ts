import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { createSwarm, createTracker, type SwarmIdentity } from '@shoal/swarm'
import { layerBuffers } from './layer-fixture.ts'

/** Of a network for documentation (RFC 5737): who gets as far as listening on it fails there. */
const ELSEWHERE = '192.0.2.1'
const identity = {} as SwarmIdentity

async function startSwarm(who: { identity?: SwarmIdentity; isOpen?: boolean }, hosts: { swarm: string; dht?: string }) {
  const swarm = createSwarm(
    { clock: systemClock, logger: silentLogger, buffers: layerBuffers, identity: who.identity },
    {
      ...{ role: 'peer', node: 'n', host: hosts.swarm, port: 0, trackers: [], isOpen: who.isOpen ?? false },
      dht: hosts.dht === undefined ? false : { host: hosts.dht, port: 0, bootstrap: [] },
    },
  )
  try {
    await swarm.start()
  } finally {
    await swarm.close()
  }
}

async function startTracker(who: { identity?: SwarmIdentity; isOpen?: boolean }, host: string) {
  const tracker = createTracker(
    { logger: silentLogger, identity: who.identity },
    {
      ...{ host, port: 0, announceIntervalMs: 1000, isOpen: who.isOpen ?? false },
      ...{ allows: () => true, describe: () => undefined },
    },
  )
  await tracker.start()
  await tracker.stop()
}

describe('what listens for everybody does not start', () => {
  const open = { code: 'SHOAL_SWARM_OPEN' }

  it('neither a swarm nor a DHT node nor a tracker without credentials beyond the loopback', async () => {
    for (const host of [ELSEWHERE, '0.0.0.0', '::', 'node7.example.org']) {
      await assert.rejects(startSwarm({}, { swarm: host }), open)
      await assert.rejects(startSwarm({}, { swarm: '127.0.0.1', dht: host }), open)
      await assert.rejects(startTracker({}, host), open)
    }
  })

  it('but with credentials, on the loopback, or when somebody said so', async () => {
    await assert.rejects(startSwarm({ identity }, { swarm: ELSEWHERE }), { code: 'SHOAL_SWARM_ADDRESS' })
    await assert.rejects(startSwarm({ isOpen: true }, { swarm: ELSEWHERE }), { code: 'SHOAL_SWARM_ADDRESS' })
    await assert.rejects(startTracker({ identity }, ELSEWHERE), { code: 'SHOAL_TRACKER_LISTEN' })
    await assert.rejects(startTracker({ isOpen: true }, ELSEWHERE), { code: 'SHOAL_TRACKER_LISTEN' })
    await startSwarm({}, { swarm: '127.0.0.1', dht: '127.0.0.1' })
    await startTracker({}, '127.0.0.1')
  })
})
