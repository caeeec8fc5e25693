import type { Logger } from '@shoal/core'
import { Client } from 'bittorrent-dht'

/** Opens the cluster's own DHT node (BEP 5): it knows the given bootstrap nodes and no public ones. */
export function openDht(
  options: { readonly host: string; readonly port: number; readonly bootstrap: readonly string[] },
  logger: Logger,
): Promise<Client> {
  const bootstrap = options.bootstrap.length === 0 ? false : [...options.bootstrap]
  const dht = new Client({ bootstrap })
  // One listener per layer joined.
  dht.setMaxListeners(0)
  dht.on('warning', (error: unknown) => logger.debug({ err: error }, 'dht warning'))
  return new Promise((resolve, reject) => {
    dht.once('error', (error: unknown) => {
      dht.destroy(() => reject(error))
    })
    dht.listen(options.port, options.host, () => {
      dht.removeAllListeners('error')
      dht.on('error', (error: unknown) => logger.warn({ err: error }, 'dht failed'))
      resolve(dht)
    })
  })
}
