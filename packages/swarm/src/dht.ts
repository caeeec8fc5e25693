import { isIPv4 } from 'node:net'
import { Client } from 'bittorrent-dht'
import { MAX_DHT_PEERS } from './dht-datagram.ts'
import { DhtSocket, type DhtSocketDeps } from './dht-socket.ts'

/** Of all layers. A daemon announces what it has once a minute; who is gone is forgotten. */
const PEERS = { maxPeers: 10_000, maxAge: 15 * 60_000 }

/** Opens the cluster's own DHT node (BEP 5): it knows the given bootstrap nodes and no public ones. */
export function openDht(
  options: { host: string; advertiseHost: string; port: number; bootstrap: readonly string[] },
  deps: DhtSocketDeps,
): Promise<Client> {
  const bootstrap = options.bootstrap.length === 0 ? false : [...options.bootstrap]
  const { advertiseHost } = options
  const { logger } = deps
  const socket = new DhtSocket(deps)
  // With `host` it also answers for what it announced itself: in a cluster of two nobody else could.
  const dht = new Client({ bootstrap, socket, ...PEERS, ...(isIPv4(advertiseHost) ? { host: advertiseHost } : {}) })
  const kept = dht._peers.get.bind(dht._peers)
  dht._peers.get = (infoHash, count = MAX_DHT_PEERS) => kept(infoHash, count)
  // One listener per layer joined.
  dht.setMaxListeners(0)
  dht.on('warning', (error: unknown) => logger.debug({ error }, 'dht warning'))
  return new Promise((resolve, reject) => {
    dht.once('error', (error: unknown) => {
      dht.destroy(() => reject(error))
    })
    dht.listen(options.port, options.host, () => {
      dht.removeAllListeners('error')
      dht.on('error', (error: unknown) => logger.warn({ error }, 'dht failed'))
      resolve(dht)
    })
  })
}
