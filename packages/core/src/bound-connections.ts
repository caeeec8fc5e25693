import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { isLoopbackHost } from './loopback-host.ts'
import { plainAddress } from './plain-address.ts'
import { UnusedConnections } from './unused-connections.ts'

export interface ConnectionLimits {
  /** Open at once. */
  readonly total: number
  /** ... from one address of another machine. */
  readonly perAddress: number
  /** ... on which no request came whole yet, also from this machine. */
  readonly unused: number
  readonly headersTimeoutMs: number
}

/** What a server says to a request that it does not read to its end, where nobody else says it. */
const ANSWERS: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
const OTHER_ANSWER = '400 Bad Request'

/**
 * Bounds an HTTP server's connections in total, by address and while they have asked for nothing, so that nobody can take all of its files by
 * opening connections, or hold them by sending a head byte after byte (slow-loris), or by never ending a TLS handshake. Those that are too many are closed
 * without a word; `onRefused` hears of each, with the address.
 */
export function boundConnections(
  server: HttpServer | HttpsServer,
  onRefused: (address: string | undefined) => void,
  limits: ConnectionLimits,
): void {
  const open = new Map<string, number>()
  const unused = new UnusedConnections(limits.unused)
  let total = 0
  server.headersTimeout = limits.headersTimeoutMs
  server.on('connection', (socket: Socket) => {
    const address = plainAddress(socket.remoteAddress)
    const ofAddress = open.get(address) ?? 0
    const isTooMany = total >= limits.total || (ofAddress >= limits.perAddress && !isLoopbackHost(address))
    const gone = isTooMany ? socket : unused.add(socket, address)
    if (gone !== undefined) {
      onRefused(gone === socket ? address : plainAddress(gone.remoteAddress))
      gone.destroy()
    }
    if (gone === socket) return
    total += 1
    open.set(address, ofAddress + 1)
    socket.once('close', () => {
      total -= 1
      unused.delete(socket)
      const left = (open.get(address) ?? 1) - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
  })
  server.on('request', (request) => unused.delete(connectionOf(request.socket)))
  // Whoever listens to this has to close the connection: node does not any more.
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const { code = '' } = error
    const isHttp = code === 'ERR_HTTP_REQUEST_TIMEOUT' || code.startsWith('HPE_')
    if (isHttp || code.startsWith('ERR_TLS_') || code.startsWith('ERR_SSL_')) {
      onRefused(plainAddress(connectionOf(socket).remoteAddress) || undefined)
    }
    if (!isHttp || !socket.writable || server.listenerCount('clientError') > 1) socket.destroy()
    else socket.end(`HTTP/1.1 ${ANSWERS[code] ?? OTHER_ANSWER}\r\nConnection: close\r\n\r\n`, () => socket.destroy())
  })
}

/** Under TLS the socket of a request is another than that of the connection, on which it lies. */
function connectionOf(socket: Socket): Socket {
  return (socket as Socket & { _parent?: Socket | null })._parent ?? socket
}
