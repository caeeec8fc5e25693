import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** One connection through the proxy: what either side sent so far. */
export interface TappedConnection {
  readonly client: Socket
  readonly server: Socket
  readonly fromClient: Buffer[]
  readonly fromServer: Buffer[]
}

export interface TapOptions {
  /** `host:port` of the daemon behind; the proxy has its port at another address, as lanes go to the host of their wire. */
  readonly target: string
  readonly host: string
  /** Changes what is passed on; `at` counts the bytes of that direction before this chunk. */
  readonly change?: (chunk: Buffer, direction: 'fromClient' | 'fromServer', at: number) => Buffer
}

/** Somebody on the way between two daemons, who sees all and may change it. */
export class TappingProxy {
  readonly address: string
  readonly connections: TappedConnection[] = []

  private constructor(address: string) {
    this.address = address
  }

  static async open(t: { after(fn: () => void): void }, { target, host, change }: TapOptions): Promise<TappingProxy> {
    const [targetHost = '', port = ''] = target.split(':')
    const proxy = new TappingProxy(`${host}:${port}`)
    const listener = createServer((client) => {
      const server = connect({ host: targetHost, port: Number(port), localAddress: host })
      const connection: TappedConnection = { client, server, fromClient: [], fromServer: [] }
      proxy.connections.push(connection)
      for (const [from, to, direction] of [
        [client, server, 'fromClient'],
        [server, client, 'fromServer'],
      ] as const) {
        let at = 0
        from.on('data', (chunk: Buffer) => {
          const passed = change?.(chunk, direction, at) ?? chunk
          at += chunk.length
          connection[direction].push(passed)
          to.write(passed)
        })
        from.on('error', () => {})
        from.on('close', () => to.destroy())
      }
    })
    listener.listen(Number(port), host)
    await once(listener, 'listening')
    t.after(() => {
      listener.close()
      for (const { client, server } of proxy.connections) {
        client.destroy()
        server.destroy()
      }
    })
    return proxy
  }

  /** Everything that went over it. */
  seen(): Buffer {
    return Buffer.concat(this.connections.flatMap(({ fromClient, fromServer }) => [...fromClient, ...fromServer]))
  }
}
