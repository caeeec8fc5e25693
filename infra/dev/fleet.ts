import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { type Client, createClient } from '@shoal/api'
import { errorCode } from '@shoal/core'
import { readOrCreateSecret } from '@shoal/service'
import { type ChildService, startChildService } from './child-service.ts'
import { devError } from './errors.ts'

export interface FleetOptions {
  /** Where everything lives. */
  directory: string
  /** The first three numbers of a loopback network; the seed is .1, the peers follow. Bans are by host, so hosts differ. */
  network: string
  peers: number
}

export interface FleetMember {
  readonly name: string
  readonly url: string
  readonly client: Client
}

/** A seed and its peers, each a process of its own. */
export interface Fleet extends AsyncDisposable {
  readonly seed: FleetMember
  readonly peers: readonly FleetMember[]
  readonly tokenFile: string
  readonly imageDirectory: string
  readonly logDirectory: string
  /** Rejects when one of them ends by itself; never resolves. */
  readonly failure: Promise<never>
}

const PORTS = { seedApi: 7420, seedNodes: 7423, peerApi: 7421 } as const
const ZONE = 'here'

/** Starts the seed, then the peers side by side. Throws what `startChildService` throws. */
export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const { directory, network } = options
  const logDirectory = join(directory, 'logs')
  const imageDirectory = join(directory, 'images')
  const seedDirectory = join(directory, 'seed')
  const names = Array.from({ length: options.peers }, (_, index) => `peer-${index + 1}`)
  for (const path of [logDirectory, imageDirectory, seedDirectory, ...names.map((name) => join(directory, name))]) {
    await mkdir(path, { recursive: true, mode: 0o700 })
  }
  const hostOf = (index: number) => `${network}.${index + 1}`

  // One token for the seed's API and the peers' own, so that one file is enough to look everywhere.
  const tokenFile = join(seedDirectory, 'operator.token')
  const token = await readOrCreateSecret(tokenFile)
  const member = (name: string, host: string, port: number): FleetMember => {
    const url = `http://${host}:${port}`
    return { name, url, client: createClient({ baseUrl: url, token }) }
  }
  const started = new AsyncDisposableStack()
  const services: ChildService[] = []
  const start = async (name: string, url: string, args: readonly string[]) => {
    const service = await startChildService({ name, args, logDirectory, healthUrl: `${url}/healthz` })
    started.use(service)
    services.push(service)
  }
  try {
    const seed = member('seed', hostOf(0), PORTS.seedApi)
    await start('seed', seed.url, ['seed', 'serve', ...flags(seedSettings({ directory, host: hostOf(0) }))])
    const peers = names.map((name, index) => member(name, hostOf(index + 1), PORTS.peerApi))
    for (const name of names) await giveJoinToken(seed.client, directory, name)
    const begun = await Promise.allSettled(
      peers.map((peer, index) => {
        const settings = peerSettings({
          directory,
          name: peer.name,
          host: hostOf(index + 1),
          seedUrl: `https://${hostOf(0)}:${PORTS.seedNodes}`,
          tokenFile,
        })
        return start(peer.name, peer.url, ['peer', 'serve', ...flags(settings)])
      }),
    )
    for (const result of begun) if (result.status === 'rejected') throw result.reason
    const failure = Promise.race(services.map((service) => service.failure))
    failure.catch(() => {})
    const dispose = () => started.disposeAsync()
    return { seed, peers, tokenFile, imageDirectory, logDirectory, failure, [Symbol.asyncDispose]: dispose }
  } catch (error) {
    await started.disposeAsync()
    throw error
  }
}

function joinTokenFile(directory: string, name: string): string {
  return join(directory, name, 'join.token')
}

/** A node that has joined needs none any more; a second start goes on with what is there. */
async function giveJoinToken(client: Client, directory: string, node: string): Promise<void> {
  if (existsSync(join(directory, node, 'credential.pem'))) return
  const { token } = await client.createJoinToken({ body: { node } })
  await writeFile(joinTokenFile(directory, node), `${token}\n`, { mode: 0o600 })
}

function seedSettings({ directory, host }: { directory: string; host: string }): Record<string, string> {
  return {
    stateDirectory: join(directory, 'seed'),
    'listen.host': host,
    'listen.port': String(PORTS.seedApi),
    'tls.host': host,
    'tls.port': String(PORTS.seedNodes),
    'library.directory': join(directory, 'images'),
    'swarm.host': host,
    // For people who watch: what changes is seen at once. A fleet of thousands needs the calmer defaults.
    'library.pollIntervalMs': '1000',
    'nodes.heartbeatIntervalMs': '500',
  }
}

function peerSettings(options: {
  directory: string
  name: string
  host: string
  seedUrl: string
  tokenFile: string
}): Record<string, string> {
  const { directory, name, host, seedUrl, tokenFile } = options
  return {
    node: name,
    zone: ZONE,
    stateDirectory: join(directory, name),
    'seed.url': seedUrl,
    'credential.joinTokenFile': joinTokenFile(directory, name),
    'swarm.host': host,
    'api.host': host,
    'api.port': String(PORTS.peerApi),
    'api.tokenFile': tokenFile,
  }
}

function flags(settings: Readonly<Record<string, string>>): string[] {
  return Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
}

/** Says at once, and in words, what a service would say after it was started. Throws `SHOAL_DEV_PORT_IN_USE`. */
export async function checkPorts({ network, peers }: FleetOptions): Promise<void> {
  await checkPort(`${network}.1`, PORTS.seedApi)
  await checkPort(`${network}.1`, PORTS.seedNodes)
  for (let index = 1; index <= peers; index += 1) await checkPort(`${network}.${index + 1}`, PORTS.peerApi)
}

async function checkPort(host: string, port: number): Promise<void> {
  const server = createServer()
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ host, port, exclusive: true }, resolve)
    })
  } catch (error) {
    if (errorCode(error) !== 'EADDRINUSE') throw error
    throw devError('SHOAL_DEV_PORT_IN_USE', { address: `${host}:${port}`, holder: await nameHolder(host, port) }, error)
  } finally {
    await new Promise<void>((resolve) => server.close(() => resolve()))
  }
}

async function nameHolder(host: string, port: number): Promise<string> {
  const health = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(1000) })
    .then((response) => response.json() as Promise<{ name?: unknown } | null>)
    .catch(() => null)
  return typeof health?.name === 'string' ? `it is a ${health.name}, perhaps of another npm start` : 'it is not Shoal'
}
