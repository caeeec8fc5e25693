import { isIPv4 } from 'node:net'
import type { Logger } from '@shoal/core'
import { Client } from 'bittorrent-dht'

/** Opens the cluster's own DHT node (BEP 5): it knows the given bootstrap nodes and no public ones. */
export function openDht(
  options: { host: string; advertiseHost: string; port: number; bootstrap: readonly string[] },
  logger: Logger,
): Promise<Client> {
  const bootstrap = options.bootstrap.length === 0 ? false : [...options.bootstrap]
  const { advertiseHost } = options
  // With `host` it also answers for what it announced itself: in a cluster of two nobody else could.
  const dht = new Client({ bootstrap, ...(isIPv4(advertiseHost) ? { host: advertiseHost } : {}) })
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
