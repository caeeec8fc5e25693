import type { Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { errorMessage } from '@shoal/core'
import { nbdError } from '../errors.ts'

/** Certificates in PEM. */
export interface NbdTls {
  readonly key: string | Buffer
  readonly cert: string | Buffer
  /** The authority of the clients' certificates. Without it any client may connect. */
  readonly ca?: string | Buffer
}

/**
 * Goes on encrypted on a connection whose client has been told so; resolves when the TLS handshake is over. Fails with `SHOAL_NBD_TLS`,
 * also when the client leaves meanwhile. The server that is made here never listens: it is there because only a server checks the
 * certificates of its clients.
 */
export function startTls(socket: Socket, { key, cert, ca }: NbdTls): Promise<TLSSocket> {
  const isMutual = ca !== undefined
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => reject(nbdError('SHOAL_NBD_TLS', { reason }))
    const server = createServer({
      ...{ key, cert, ...(isMutual ? { ca } : {}) },
      requestCert: isMutual,
      rejectUnauthorized: isMutual,
      minVersion: 'TLSv1.2',
    })
    server.once('secureConnection', (encrypted) => {
      encrypted.allowHalfOpen = true
      // Whoever reads or writes hears of it there.
      encrypted.on('error', () => {})
      resolve(encrypted)
    })
    server.once('tlsClientError', (error) => fail(errorMessage(error)))
    socket.once('close', () => fail('the connection closed'))
    // A client that leaves before it is secure is not heard of otherwise.
    socket.allowHalfOpen = false
    server.emit('connection', socket)
  })
}
