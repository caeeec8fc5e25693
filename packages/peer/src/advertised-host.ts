import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { networkInterfaces } from 'node:os'

/** A name server that does not answer must not hold up the start. */
const LOOKUP_TIMEOUT_MS = 2000
const WILDCARDS: ReadonlySet<string> = new Set(['0.0.0.0', '::', ''])

/**
 * The host that others are told to reach this node at: the configured one, else the one it listens on, else the source
 * address of the route to the seed. Finding the route sends nothing.
 */
export async function advertisedHost(options: {
  host: string
  advertiseHost: string | null
  seedUrl: string
}): Promise<string> {
  if (options.advertiseHost !== null) return options.advertiseHost
  if (!WILDCARDS.has(options.host)) return options.host
  return (await routeSource(options.seedUrl)) ?? firstAddress() ?? '127.0.0.1'
}

async function routeSource(seedUrl: string): Promise<string | undefined> {
  const { hostname, port, protocol } = new URL(seedUrl)
  const socket = createSocket('udp4')
  try {
    // connect on a datagram socket only picks the route (connect(2)).
    socket.connect(Number(port) || (protocol === 'https:' ? 443 : 80), hostname)
    await once(socket, 'connect', { signal: AbortSignal.timeout(LOOKUP_TIMEOUT_MS) })
    return socket.address().address
  } catch {
    return undefined
  } finally {
    socket.close()
  }
}

function firstAddress(): string | undefined {
  const addresses = Object.values(networkInterfaces()).flatMap((list) => list ?? [])
  return addresses.find(({ family, internal }) => family === 'IPv4' && !internal)?.address
}
