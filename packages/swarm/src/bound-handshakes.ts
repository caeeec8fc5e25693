import type { Server, Socket } from 'node:net'

/** Connections that have not said which layer they are for; webtorrent closes each after 25 s. */
const MAX_PENDING = 1000
/** ... from one host: a node that comes back opens one for each of its layers. */
const MAX_PENDING_PER_HOST = 64

/** What webtorrent's listening socket does with connections, and those without a handshake. */
export interface ConnectionPool {
  readonly tcpServer: Server
  /** `null` once it is closed. */
  readonly _pendingConns: ReadonlySet<Socket> | null
  readonly _onTCPConnectionBound: (socket: Socket) => void
}

/** Refuses connections of those who open many and shake hands on none, so that they cannot use up our files. */
export function boundHandshakes(pool: ConnectionPool): void {
  const { tcpServer, _onTCPConnectionBound: take } = pool
  tcpServer.removeListener('connection', take)
  tcpServer.on('connection', (socket) => {
    const pending = [...(pool._pendingConns ?? [])]
    const fromHost = pending.filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress).length
    const isRoom = pending.length < MAX_PENDING && fromHost < MAX_PENDING_PER_HOST
    if (isRoom && pool._pendingConns !== null) return take(socket)
    socket.on('error', () => {})
    socket.destroy()
  })
}
