import { once } from 'node:events'
import { connect, createServer } from 'node:net'

/**
 * One plain TCP stream, to learn how much payload a link carries. `sink HOST PORT BYTES_PER_SECOND` listens, prints `ready`,
 * then the rate of what came, in bytes per second; the argument is about what is expected. `source HOST PORT` sends until it
 * is closed.
 */
const WARM_UP_MS = 500
const MEASURED_MS = 1500
/** At both ends of the time measured, the moment is taken from so many milliseconds. */
const EDGE_MS = 300
const CHUNK_BYTES = 256 * 1024

interface Moment {
  readonly at: number
  readonly bytes: number
}

const [role, host = '127.0.0.1', port = '0', expected = '0'] = process.argv.slice(2)
if (role === 'sink') await sink(Number(expected))
else await source()

async function sink(expectedPerSecond: number): Promise<void> {
  const server = createServer()
  server.listen(Number(port), host)
  await once(server, 'listening')
  console.log('ready')
  const [socket] = await once(server, 'connection')
  const moments: Moment[] = []
  let bytes = 0
  // What a busy machine does is to read late. Of the moments of an edge the one that is least late tells of the link.
  const leastLate = (fromMs: number): Moment => {
    const lead = ({ at, bytes }: Moment) => bytes - (at / 1000) * expectedPerSecond
    const [first = { at: 0, bytes: 0 }, ...others] = moments.filter(({ at }) => at >= fromMs)
    const edge = others.filter(({ at }) => at < fromMs + EDGE_MS)
    return edge.reduce((best, moment) => (lead(moment) > lead(best) ? moment : best), first)
  }
  let firstAt = Number.NaN
  socket.on('data', (data: Buffer) => {
    const now = performance.now()
    if (Number.isNaN(firstAt)) firstAt = now
    bytes += data.length
    moments.push({ at: now - firstAt, bytes })
    if (now - firstAt < WARM_UP_MS + MEASURED_MS + EDGE_MS) return
    // What came while the bucket was still full from before is left out.
    const [from, to] = [leastLate(WARM_UP_MS), leastLate(WARM_UP_MS + MEASURED_MS)]
    console.log(`${((to.bytes - from.bytes) / (to.at - from.at)) * 1000}`)
    process.exit(0)
  })
}

async function source(): Promise<void> {
  const socket = connect({ host, port: Number(port) })
  socket.on('error', () => process.exit(0)).on('close', () => process.exit(0))
  const chunk = Buffer.alloc(CHUNK_BYTES)
  await once(socket, 'connect')
  for (;;) if (!socket.write(chunk)) await once(socket, 'drain')
}
