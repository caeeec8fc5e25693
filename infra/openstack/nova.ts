import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { OpenStack } from './openstack.ts'

const run = promisify(execFile)
const UP_TIMEOUT_MS = 900_000
const DOWN_TIMEOUT_MS = 120_000
/** Servers without a network (2.37), and what comes after that of use here. */
const MICROVERSION = 'compute 2.90'

export interface NovaOptions {
  /** That of the Keystone and Glance that it is added to. */
  readonly directory: string
  /** Of the compute service: the name of the peer on it. */
  readonly hostName: string
  /** What Nova asks for images; absent: Glance itself. */
  readonly glanceEndpoint?: string
  readonly seedUrl?: string
  readonly seedTokenFile?: string
  readonly weightMultiplier?: number
  /** Leaves the weigher out, as an operator does who switches Shoal off. */
  readonly withoutWeigher?: boolean
  /** Another host of Nova's fake driver, with more of everything. */
  readonly decoy?: string
}

/** A server as Nova shows it. */
export interface Server {
  readonly id: string
  readonly status: string
  readonly 'OS-EXT-SRV-ATTR:host': string | null
  readonly fault?: { readonly message: string }
}

/** A running Nova (nova-up.sh). */
export interface Nova extends AsyncDisposable {
  /** `instances_path` of the compute service. */
  readonly instancesPath: string
  /** Any call of its API as admin; throws unless it answers 2xx. */
  call(method: string, path: string, json?: unknown): Promise<unknown>
  /** Asks for a server without network; its id. */
  createServer(name: string, image: string, flavor: string): Promise<string>
  server(id: string): Promise<Server>
  console(id: string): Promise<string>
  /** What a service has logged: `nova-scheduler`, `nova-compute`... */
  log(service: string): Promise<string>
  /** Starts scheduler and compute service again with other settings; machines go on. */
  reconfigure(changes: Partial<NovaOptions>): Promise<void>
  stop(): Promise<void>
}

/** Where the machines of the compute service will be, which a peer must know before Nova is there. */
export function instancesPathOf(directory: string): string {
  return join(directory, 'instances')
}

/** Adds Nova to a Keystone and Glance. Needs root and, for the first time, minutes. */
export async function startNova(openstack: OpenStack, options: NovaOptions): Promise<Nova> {
  const { directory } = options
  const stdout = await up(options)
  const url = /^export NOVA_URL=(.*)$/m.exec(stdout)?.[1]
  if (url === undefined) throw new Error(`nova-up.sh named no URL: ${stdout}`)

  const call: Nova['call'] = async (method, path, json) => {
    const response = await fetch(url + path, {
      method,
      headers: {
        'x-auth-token': await openstack.token('admin'),
        'content-type': 'application/json',
        'openstack-api-version': MICROVERSION,
      },
      body: json === undefined ? null : JSON.stringify(json),
    })
    const text = await response.text()
    if (!response.ok) throw new Error(`${method} ${path} answered ${response.status}: ${text.slice(0, 500)}`)
    return text === '' ? undefined : (JSON.parse(text) as unknown)
  }
  const down = (...services: string[]) =>
    run(join(import.meta.dirname, 'nova-down.sh'), [directory, ...services], { timeout: DOWN_TIMEOUT_MS })
  const stop = async () => {
    await down()
  }
  return {
    instancesPath: instancesPathOf(directory),
    call,
    async createServer(name, imageRef, flavorRef) {
      const server = { name, imageRef, flavorRef, networks: 'none' }
      const made = (await call('POST', '/servers', { server })) as { server: { id: string } }
      return made.server.id
    },
    async server(id) {
      return ((await call('GET', `/servers/${id}`)) as { server: Server }).server
    },
    async console(id) {
      const answer = (await call('POST', `/servers/${id}/action`, { 'os-getConsoleOutput': {} })) as { output: string }
      return answer.output
    },
    log: (service) => readFile(join(directory, 'log', `${service}-app.log`), 'utf8'),
    async reconfigure(changes) {
      await down('nova-scheduler', 'nova-compute')
      await up({ ...options, ...changes })
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** Runs nova-up.sh, which starts what does not run; what it printed. */
async function up(options: NovaOptions): Promise<string> {
  const settings = {
    'host-name': options.hostName,
    'glance-endpoint': options.glanceEndpoint,
    'seed-url': options.seedUrl,
    'seed-token-file': options.seedTokenFile,
    'weight-multiplier': options.weightMultiplier,
    decoy: options.decoy,
  }
  const flags = Object.entries(settings).flatMap(([name, value]) => {
    return value === undefined ? [] : [`--${name}`, String(value)]
  })
  if (options.withoutWeigher) flags.push('--without-weigher')
  const script = join(import.meta.dirname, 'nova-up.sh')
  const { stdout } = await run(script, [options.directory, ...flags], {
    timeout: UP_TIMEOUT_MS,
    maxBuffer: 1024 * 1024,
  })
  return stdout
}
