import type { AddressInfo, Server } from 'node:net'
import { createSecureContext } from 'node:tls'
import { errorMessage, isLoopbackHost } from '@shoal/core'
import { nbdError } from './errors.ts'
import type { NbdTls } from './handshake/start-tls.ts'

export interface TcpAddress {
  readonly host: string
  /** 0 for any that is free. */
  readonly port: number
  /** Only looked at, so that what is wrong with it is known before a client comes. */
  readonly tls?: NbdTls | undefined
}

/**
 * Listens on a TCP port, and gives it; beyond the loopback only with TLS and certificates of clients. Fails with
 * `SHOAL_NBD_OPEN` and `SHOAL_NBD_LISTEN`.
 */
export function listenOnTcp(server: Server, { host, port, tls }: TcpAddress): Promise<number> {
  if (!isLoopbackHost(host) && tls?.ca === undefined) return Promise.reject(nbdError('SHOAL_NBD_OPEN', { host }))
  return new Promise((resolve, reject) => {
    const onError = (error: unknown) => {
      const address = `${host} port ${port}`
      reject(nbdError('SHOAL_NBD_LISTEN', { address, reason: errorMessage(error) }, error))
    }
    try {
      if (tls !== undefined) createSecureContext({ ...tls })
    } catch (error) {
      onError(error)
      return
    }
    server.once('error', onError)
    server.listen({ host, port }, () => {
      server.off('error', onError)
      resolve((server.address() as AddressInfo).port)
    })
  })
}
