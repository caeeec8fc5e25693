import type { Server, Socket } from 'node:net'
import { LANE_FIRST_BYTE, LANE_PREAMBLE_BYTES } from './lane/lane-preamble.ts'

/** Connections that have not said who they are; webtorrent closes each of BitTorrent's after 25 s. */
const MAX_PENDING = 1000
/** ... from one host: a node that comes back opens one for each of its layers. */
const MAX_PENDING_PER_HOST = 64
/** Either protocol begins with the side that connects. */
const FIRST_BYTES_TIMEOUT_MS = 5000

/** What webtorrent's listening socket does with connections, and those without a handshake. */
export interface ConnectionPool {
  readonly tcpServer: Server
  /** `null` once it is closed. What is in it is destroyed then. */
  readonly _pendingConns: Set<Socket> | null
  readonly _onTCPConnectionBound: (socket: Socket) => void
}

export interface HandshakeOptions {
  /** Takes a connection that began as a lane does, with all that came: the preamble at least. Without it there are no lanes. */
  readonly onLane?: (socket: Socket, first: Buffer) => void
  /** Bytes that a lane begins with. */
  readonly laneBytes?: number
  readonly timeoutMs?: number
  /** Told of each connection that was closed because there were too many, or because it said nothing in time. */
  readonly onRefused?: (address: string | undefined) => void
}

/**
 * Tells lanes from BitTorrent by their first byte. Refuses connections of those who open many and shake hands on none,
 * so that they cannot use up our files, whichever they would be.
 */
export function boundHandshakes(pool: ConnectionPool, options: HandshakeOptions = {}): void {
  const { tcpServer, _onTCPConnectionBound: take } = pool
  tcpServer.removeListener('connection', take)
  tcpServer.on('connection', (socket) => {
    // webtorrent does so only for what it dials: answers would wait for acknowledgements (RFC 896 meets RFC 1122, 4.2.3.2).
    socket.setNoDelay(true)
    const pending = [...(pool._pendingConns ?? [])]
    const fromHost = pending.filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress).length
    const isRoom = pending.length < MAX_PENDING && fromHost < MAX_PENDING_PER_HOST
    if (isRoom && pool._pendingConns !== null) return tellApart(pool, socket, options)
    options.onRefused?.(socket.remoteAddress)
    socket.on('error', () => {})
    socket.destroy()
  })
}

function tellApart(pool: ConnectionPool, socket: Socket, options: HandshakeOptions): void {
  const { onLane, laneBytes = LANE_PREAMBLE_BYTES, timeoutMs = FIRST_BYTES_TIMEOUT_MS } = options
  let first: Buffer = Buffer.alloc(0)
  const onData = (chunk: Buffer) => {
    first = first.length === 0 ? chunk : Buffer.concat([first, chunk])
    const isLane = onLane !== undefined && first[0] === LANE_FIRST_BYTE
    if (isLane && first.length < laneBytes) return
    settle()
    if (isLane) return onLane(socket, first)
    if (pool._pendingConns === null) return onGone()
    // As if nobody had looked: webtorrent reads it when it pipes.
    socket.pause()
    socket.unshift(first)
    pool._onTCPConnectionBound(socket)
  }
  const onGone = () => {
    settle()
    socket.destroy()
  }
  const settle = () => {
    clearTimeout(timer)
    pool._pendingConns?.delete(socket)
    socket.removeListener('data', onData)
    for (const event of ['end', 'error', 'close']) socket.removeListener(event, onGone)
  }
  const timer = setTimeout(() => {
    options.onRefused?.(socket.remoteAddress)
    onGone()
  }, timeoutMs)
  pool._pendingConns?.add(socket)
  socket.on('data', onData)
  for (const event of ['end', 'error', 'close']) socket.on(event, onGone)
}
