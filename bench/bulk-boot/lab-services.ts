import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Client, createClient } from '@shoal/api'
import type { Lab } from '../../infra/lab/lab.ts'
import { ServiceProcess } from '../../test/harness/service-process.ts'
import { until } from '../../test/harness/until.ts'
import { atExit } from '../engines/at-exit.ts'
import { processUsage } from '../engines/process-usage.ts'

export const SEED_API_PORT = 7420
export const PEER_API_PORT = 7470

/** A seed and peers as processes on hosts of a lab. */
export interface LabServices extends AsyncDisposable {
  /** Of the seed's API. */
  readonly client: Client
  /** Of a node's own API. */
  peer(node: string): Client
  /** CPU time of all of them so far. */
  cpuSeconds(): number
}

export interface LabServiceSettings {
  readonly lab: Lab
  /** Its own; every service has a directory of its name below it. */
  readonly directory: string
  readonly seed: object
  readonly seedEnv: NodeJS.ProcessEnv
  readonly peers: ReadonlyMap<string, object>
}

/**
 * Starts `shoal seed serve` on the host `seed` and `shoal peer serve` on each node; resolves when all are registered.
 */
export async function startLabServices(settings: LabServiceSettings): Promise<LabServices> {
  const { lab, directory, seed, seedEnv: env, peers } = settings
  await using stack = new AsyncDisposableStack()
  const services: ServiceProcess[] = []
  const forget = atExit(() => {
    for (const { pid, isRunning } of services) if (isRunning) process.kill(pid, 'SIGKILL')
  })
  stack.defer(async () => {
    await Promise.all(services.map((service) => service.end()))
    forget()
  })
  const start = async (name: string, service: 'seed' | 'peer', config: object, port: number) => {
    const host = lab.host(name)
    const url = `http://${host.address}:${port}`
    const process = new ServiceProcess({
      name,
      service,
      directory,
      host,
      url,
      config,
      ...(name === 'seed' ? { env } : {}),
    })
    services.push(process)
    await mkdir(join(directory, name))
    await process.start()
    return url
  }
  const token = async (...path: string[]) => (await readFile(join(directory, ...path), 'utf8')).trim()
  const seedUrl = await start('seed', 'seed', seed, SEED_API_PORT)
  const client = createClient({ baseUrl: seedUrl, token: await token('seed', 'operator.token') })
  const clients = new Map<string, Client>()
  await Promise.all(
    [...peers].map(async ([node, config]) => {
      const baseUrl = await start(node, 'peer', config, PEER_API_PORT)
      clients.set(node, createClient({ baseUrl, token: await token(node, 'api-token') }))
    }),
  )
  await until('every node is registered', async () => {
    const { nodes } = await client.listNodes()
    return nodes.length === peers.size && nodes.every(({ state }) => state === 'ready')
  })
  const kept = stack.move()
  return {
    client,
    peer(node) {
      const found = clients.get(node)
      if (found === undefined) throw new TypeError(`no peer runs on ${node}`)
      return found
    },
    cpuSeconds: () => processUsage(services.map(({ pid }) => pid)).cpuSeconds,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
