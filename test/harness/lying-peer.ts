import { decodeManifest, decodePublicKey, silentLogger, systemClock } from '@shoal/core'
import { createMemoryLayerStore, type StoredLayer } from '@shoal/layer-store'
import { createSwarm } from '@shoal/swarm'
import type { Cluster } from './cluster.ts'
import type { Undo } from './undo.ts'

/** What it calls itself. */
export const LIAR = 'liar'

/** Whatever it is bound to, the tracker sees it come from this address. */
export const LIAR_HOST = '127.0.0.1'

/** Joins the swarm of a layer as a peer that says it has all of it, and of which no block is right. It leaves when told to, or with the test. */
export async function joinAsLiar(
  undo: Undo,
  cluster: Cluster,
  layer: string,
  host = LIAR_HOST,
): Promise<() => Promise<void>> {
  const status = await cluster.client.status()
  const encodedManifest = await cluster.client.getManifest({ params: { layer } })
  const torrent = await cluster.client.getTorrent({ params: { layer } })
  const manifest = decodeManifest(encodedManifest, [decodePublicKey(status.publicKey)])
  const store = createMemoryLayerStore()
  await store.open()
  const empty = await store.create({ manifest, encodedManifest, torrent })
  const liar = createSwarm(
    { clock: systemClock, logger: silentLogger, buffers: empty.buffers },
    {
      ...{ role: 'peer', node: LIAR, host, port: 0, dht: false },
      trackers: status.tracker.announceUrls,
    },
  )
  await liar.start()
  undo.after(() => liar.close())
  await liar.join(pretending(empty))
  return () => liar.close()
}

function pretending(layer: StoredLayer): StoredLayer {
  layer.present.setAll()
  return new Proxy(layer, {
    get(target, name) {
      if (name === 'read') return async (_offset: number, length: number) => Buffer.alloc(length, 0xee)
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
