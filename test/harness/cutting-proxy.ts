import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, createServer, type Socket } from 'node:net'
import type { Undo } from './undo.ts'

/** Stands before a server and breaks connections to it. */
export interface CuttingProxy {
  readonly url: string
  /** The next connection that gives so many bytes to its client is cut there, and so many connections after it. */
  cutAfter(bytes: number, times?: number): void
  /** Connections that were cut. */
  readonly cuts: number
  /** Connections that were not let through. */
  readonly refused: number
  /** While it is set, nobody is let through. */
  isClosed: boolean
}

export async function startCuttingProxy(undo: Undo, target: string): Promise<CuttingProxy> {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  const state = { cuts: 0, refused: 0, isClosed: false, left: 0, bytes: 0 }
  const server = createServer((client) => {
    if (state.isClosed) {
      state.refused += 1
      return void client.destroy()
    }
    const server = connect({ host: hostname, port: Number(port) })
    const both = [client, server]
    const end = () => {
      for (const socket of both) socket.destroy()
    }
    for (const socket of both) {
      sockets.add(socket)
      socket.on('error', end)
      socket.once('close', () => {
        sockets.delete(socket)
        end()
      })
    }
    let given = 0
    server.on('data', (chunk: Buffer) => {
      given += chunk.length
      if (state.left > 0 && given >= state.bytes) {
        state.left -= 1
        state.cuts += 1
        end()
      }
    })
    client.pipe(server)
    server.pipe(client)
  })
  server.listen({ host: '127.0.0.1', port: 0 })
  await once(server, 'listening')
  undo.after(async () => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    cutAfter: (bytes, times = 1) => Object.assign(state, { bytes, left: times }),
    get cuts() {
      return state.cuts
    },
    get refused() {
      return state.refused
    },
    get isClosed() {
      return state.isClosed
    },
    set isClosed(isClosed) {
      state.isClosed = isClosed
      if (isClosed) for (const socket of sockets) socket.destroy()
    },
  }
}
