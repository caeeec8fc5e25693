import { type BlockBuffers, silentLogger, steadyClock } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import { createSwarm } from '@shoal/swarm'
import { buildLayer, storeLayer } from '@shoal/swarm/layer-fixture'

const MIB = 1024 ** 2
/** Small blocks: what is compiled is run once a block, whatever its size. */
const LAYER_BYTES = 16 * MIB
const ROUNDS = 12

/**
 * Moves a small layer a few times between two swarms in this process, so that what is measured afterwards runs compiled code: as in
 * a daemon, which lives for months, and as in programs that were compiled before they were started.
 */
export async function warmUp(store: LayerStore): Promise<void> {
  const { description, data } = buildLayer(LAYER_BYTES)
  const origin = await start('origin', store.buffers)
  const peer = await start('peer', store.buffers)
  await origin.join(await storeLayer(description, data, store.buffers))
  for (let round = 0; round < ROUNDS; round += 1) {
    const layer = await store.create(description)
    const complete = new Promise((resolve) => peer.once('complete', resolve))
    const joined = await peer.join(layer)
    joined.addPeers([origin.address])
    await complete
    await peer.leave(description.manifest.digest)
    await store.remove(description.manifest.digest)
  }
  await Promise.all([origin.close(), peer.close()])
}

async function start(role: 'origin' | 'peer', buffers: BlockBuffers) {
  const swarm = createSwarm(
    { clock: steadyClock, logger: silentLogger, buffers },
    { role, node: `warm-up ${role}`, host: '127.0.0.1', port: 0, dht: false, trackers: [] },
  )
  await swarm.start()
  return swarm
}
