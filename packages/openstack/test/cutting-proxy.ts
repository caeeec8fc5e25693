import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A TCP proxy on loopback that can cut a connection in the middle of an answer, as a failing network would. */
export async function startCuttingProxy(target: string) {
  const { hostname, port } = new URL(target)
  const sockets = new Set<Socket>()
  let cuts: { afterBytes: number; how: 'end' | 'reset' }[] = []

  const server = createServer((client) => {
    const upstream = connect(Number(port), hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    let sent = 0
    client.pipe(upstream)
    upstream.on('data', (chunk: Buffer) => {
      sent += chunk.length
      const cut = cuts[0]
      // Small answers (records, lists) pass: a cut waits for the connection that carries image data.
      if (cut !== undefined && sent >= cut.afterBytes) {
        cuts = cuts.slice(1)
        upstream.destroy()
        if (cut.how === 'end') client.end(chunk)
        else client.resetAndDestroy()
        return
      }
      if (!client.write(chunk)) {
        upstream.pause()
        client.once('drain', () => upstream.resume())
      }
    })
    upstream.on('end', () => client.end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Cuts the next connections that carry so many bytes: politely (FIN, what came before arrives) or not (RST). */
    cut(...next: { afterBytes: number; how: 'end' | 'reset' }[]) {
      cuts = next
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
