import type { Server as HttpServer } from 'node:http'
import type { Server as HttpsServer } from 'node:https'
import { BlockList, isIPv6, type Socket } from 'node:net'

export interface ConnectionLimits {
  /** Open at once. */
  readonly total: number
  /** ... from one address of another machine. */
  readonly perAddress: number
  /** ... on which no request came whole yet, also from this machine. */
  readonly unused: number
  readonly headersTimeoutMs: number
}

/** A fleet of 2,000 nodes has a stream and a heartbeat each; who comes through a proxy on another machine shares its address. */
export const CONNECTION_LIMITS: ConnectionLimits = {
  total: 8192,
  perAddress: 2048,
  unused: 1024,
  headersTimeoutMs: 10_000,
}
/** Late heads are looked for this often. */
export const LATE_CHECK_MS = 2000
/** Header bytes of a request, its address included. */
export const MAX_HEADER_BYTES = 16 * 1024

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Bounds a server's connections in total, by address and while they have asked for nothing, so that nobody can take all of its files by opening
 * connections, or hold them by sending a head byte after byte (slow-loris). Those that are too many are closed without a word.
 */
export function boundConnections(
  server: HttpServer | HttpsServer,
  onRefused: () => void,
  limits: ConnectionLimits = CONNECTION_LIMITS,
): void {
  const open = new Map<string, number>()
  const unused = new Set<Socket>()
  let total = 0
  server.headersTimeout = limits.headersTimeoutMs
  server.on('connection', (socket: Socket) => {
    const address = socket.remoteAddress ?? ''
    const ofAddress = open.get(address) ?? 0
    const isFull = total >= limits.total || unused.size >= limits.unused
    if (isFull || (ofAddress >= limits.perAddress && !isLoopback(address))) {
      onRefused()
      socket.destroy()
      return
    }
    total += 1
    open.set(address, ofAddress + 1)
    unused.add(socket)
    socket.once('close', () => {
      total -= 1
      unused.delete(socket)
      const left = (open.get(address) ?? 1) - 1
      if (left > 0) open.set(address, left)
      else open.delete(address)
    })
  })
  // Under TLS the socket of a request is another than that of the connection, on which it lies.
  server.on('request', (request) => {
    unused.delete(request.socket)
    const { _parent: below } = request.socket as Socket & { _parent?: Socket }
    if (below !== undefined) unused.delete(below)
  })
  // Whoever listens to this has to close the connection: node does not any more.
  server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    if (error.code === 'ERR_HTTP_REQUEST_TIMEOUT' || error.code?.startsWith('HPE_')) onRefused()
    socket.destroy()
  })
}

function isLoopback(address: string): boolean {
  const plain = address.replace(/^::ffff:/, '')
  return loopback.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}
