import type { AddressInfo, Server } from 'node:net'
import { errorMessage } from '@shoal/core'
import { nbdError } from './errors.ts'

/** Listens on a TCP port, of its own choice for 0; gives the port. Fails with `SHOAL_NBD_LISTEN`. */
export function listenOnTcp(server: Server, { host, port }: { host: string; port: number }): Promise<number> {
  return new Promise((resolve, reject) => {
    const onError = (error: Error) => {
      const address = `${host} port ${port}`
      reject(nbdError('SHOAL_NBD_LISTEN', { address, reason: errorMessage(error) }, error))
    }
    server.once('error', onError)
    server.listen({ host, port }, () => {
      server.off('error', onError)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
