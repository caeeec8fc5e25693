import { fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { openSeed, type SeedGround } from '../dashboard/dashboard-ground.ts'
import type { LatencyReport } from '../dashboard/latencies.ts'
import type { FleetAnswer, FleetOrder, FleetQuestion } from './fleet-process.ts'
import { inspectable } from './inspect-process.ts'
import type { LoadSecurity } from './load-link.ts'

const HEARTBEAT_MS = 5000
const FETCH_MS = 120_000
const TLS_PORT = 7423
const SUBNETS = 250

export interface LoadGround extends SeedGround {
  readonly host: string
  /** Ends all nodes, as if their machines were gone. */
  leave(): Promise<void>
  /** What the nodes have waited for since this was asked last. Milliseconds. */
  latencies(): Promise<LatencyReport>
  forgetServed(): Promise<void>
  /** How many nodes had no heartbeat answered or no stream since that was forgotten, and when the last of the others had both. Milliseconds since the epoch. */
  served(): Promise<{ unserved: number; lastAt: number }>
}

/** A seed with a plan for all its images, and in another process nodes that report, announce and hold their streams open. */
export async function openLoad(
  stack: AsyncDisposableStack,
  options: { readonly nodes: number; readonly security: LoadSecurity; readonly isInspectable?: boolean },
): Promise<LoadGround> {
  const { nodes, security, isInspectable = false } = options
  // Several of these may run at once, as a soak test and a bench do.
  const host = `127.88.${1 + (process.pid % SUBNETS)}.${1 + (Math.floor(process.pid / SUBNETS) % SUBNETS)}`
  const tls = security === 'token' ? { enabled: false } : { host, port: TLS_PORT }
  const ground = await openSeed(stack, {
    host,
    heartbeatMs: HEARTBEAT_MS,
    settings: { tls },
    ...(isInspectable ? { env: inspectable(host) } : {}),
  })
  const { client, seed, layers, stateDirectory, nodeToken } = ground
  const images = (await client.listImages()).images.map(({ id }) => ({ image: id, all: true as const }))
  const [announceUrl] = (await client.status()).tracker.announceUrls.filter((url) => url.startsWith('http'))
  if (announceUrl === undefined) throw new TypeError('the seed has no tracker')
  const fleet = fork(join(import.meta.dirname, 'fleet-process.ts'), { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })
  stack.defer(async () => void fleet.kill())
  const exited = once(fleet, 'exit')
  const ended = exited.then(([code]) => {
    throw new Error(`the simulated nodes ended with ${code}`)
  })
  ended.catch(() => {})
  const tell = async (message: FleetOrder | FleetQuestion): Promise<FleetAnswer> => {
    const answered = once(fleet, 'message') as Promise<[FleetAnswer]>
    fleet.send(message)
    return (await Promise.race([answered, ended]))[0]
  }
  await tell({
    url: security === 'token' ? seed.url : `https://${host}:${TLS_PORT}`,
    known: security === 'token' ? { token: nodeToken } : { stateDirectory },
    ...{ announceUrl, nodes, heartbeatMs: HEARTBEAT_MS, fetchMs: FETCH_MS, layers },
  })
  await client.createPrefetch({ body: { name: 'load', images } })
  return {
    ...ground,
    host,
    leave: async () => {
      fleet.kill()
      await exited
    },
    latencies: async () => (await tell('latencies')).latencies ?? {},
    forgetServed: async () => void (await tell('forget-served')),
    served: async () => {
      const { unserved = nodes, lastAt = 0 } = await tell('served')
      return { unserved, lastAt }
    },
  }
}
