import { execFile } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { openAsBlob } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

export interface OpenStackOptions {
  /** Where everything lives; made when missing, removed by `stop()`. */
  directory: string
  /** Address to bind. Default: a random loopback address, so that instances side by side never meet. */
  host?: string
  /** Network namespace in which both run. Default: this process's own. */
  namespace?: string
  mode?: 'full' | 'fakeauth'
  glancePort?: number
  keystonePort?: number
  /** What the catalogue says of Glance, for example the address of a proxy before it. */
  catalogueUrl?: string
  runner?: 'eventlet' | 'uwsgi'
  stripContentLength?: boolean
  workers?: number
  tokenTtlSeconds?: number
  /** With runner uwsgi: after so long a client that does not read is cut. Default 10. */
  stallTimeoutSeconds?: number
}

/** One request as Glance answered it. */
export interface AccessLogLine {
  method: string
  path: string
  query: string
  status: number
  range: string | null
}

export interface ImageUpload {
  name: string
  file: string
  diskFormat: 'qcow2' | 'raw' | 'vmdk' | 'iso'
  visibility?: 'public' | 'private' | 'shared' | 'community'
  properties?: Record<string, string>
  tags?: string[]
}

export interface OpenStack {
  /** What an OpenStack client finds in its environment, as `env.sh` exports it. */
  readonly env: Record<string, string>
  readonly glanceUrl: string
  /** `http://host:port/v3`; null in mode fakeauth. */
  readonly keystoneUrl: string | null
  /** `clouds.yaml` with a cloud for each user (mode full). */
  readonly cloudsFile: string
  accessLog(): Promise<AccessLogLine[]>
  /** How often the data of an image was asked for. */
  imageReads(id: string): Promise<AccessLogLine[]>
  /** A token: Keystone's for a user of `clouds.yaml`, or `user:project:role` in mode fakeauth. */
  token(user?: string): Promise<string>
  /** Any call of Glance's API; throws unless it answers 2xx. */
  glance(method: string, path: string, options?: { user?: string; json?: unknown; patch?: unknown }): Promise<unknown>
  /** Creates and uploads with the real client (`glance`; `openstack` in mode fakeauth) as admin. Returns the image's id. */
  uploadImage(upload: ImageUpload): Promise<string>
  /** The same by REST, ten times as fast, as any user. */
  uploadImageFast(upload: ImageUpload, user?: string): Promise<string>
  /** A record without data: status `queued`. */
  createImage(upload: Omit<ImageUpload, 'file'>, user?: string): Promise<string>
  deactivate(id: string): Promise<void>
  reactivate(id: string): Promise<void>
  deleteImage(id: string): Promise<void>
  stopGlance(): Promise<void>
  startGlance(): Promise<void>
  stopKeystone(): Promise<void>
  startKeystone(): Promise<void>
  /** Ends both and removes the directory. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

const run = promisify(execFile)
const PROJECTS: Record<string, string> = {
  admin: 'admin',
  demo: 'demo',
  other: 'other',
  glance: 'service',
  nova: 'service',
}

/** Starts a real Keystone and Glance (README.md). Rejects with the script's own message when it can not. */
export async function startOpenStack(options: OpenStackOptions): Promise<OpenStack> {
  const { directory, mode = 'full' } = options
  const host = options.host ?? `127.${randomInt(1, 255)}.${randomInt(256)}.${randomInt(1, 255)}`
  const flags = Object.entries({
    mode,
    host,
    'glance-port': options.glancePort,
    'keystone-port': options.keystonePort,
    'glance-url': options.catalogueUrl,
    runner: options.runner,
    workers: options.workers ?? 1,
    'token-ttl': options.tokenTtlSeconds,
    'stall-timeout': options.stallTimeoutSeconds,
  }).flatMap(([name, value]) => (value === undefined ? [] : [`--${name}`, String(value)]))
  if (options.stripContentLength) flags.push('--strip-content-length')
  const up = (arguments_: string[]) => script('up.sh', directory, arguments_, options.namespace)
  const down = (arguments_: string[]) => script('down.sh', directory, arguments_, options.namespace)

  const env = parseExports(await up(flags))
  const reachable = host === '0.0.0.0' ? '127.0.0.1' : host
  const glanceUrl = `http://${reachable}:${options.glancePort ?? 9292}`
  const keystoneUrl = mode === 'full' ? `http://${reachable}:${options.keystonePort ?? 5000}/v3` : null
  const tokens = new Map<string, string>()

  const token = async (user = 'admin') => {
    const project = PROJECTS[user] ?? user
    if (keystoneUrl === null) return `${user}:${project}:${user === 'admin' ? 'admin' : 'member'}`
    const known = tokens.get(user)
    if (known !== undefined) return known
    const fresh = await requestToken(keystoneUrl, user, project)
    // With a lifetime chosen by the test a kept token would be as old as the test makes it.
    if (options.tokenTtlSeconds === undefined) tokens.set(user, fresh)
    return fresh
  }
  const glance: OpenStack['glance'] = async (method, path, { user, json, patch } = {}) => {
    const body = json ?? patch
    const type = patch === undefined ? 'application/json' : 'application/openstack-images-v2.1-json-patch'
    return call(
      method,
      `${glanceUrl}${path}`,
      await token(user),
      type,
      body === undefined ? null : JSON.stringify(body),
    )
  }
  const createImage: OpenStack['createImage'] = async (upload, user) => {
    const json = {
      ...upload.properties,
      name: upload.name,
      disk_format: upload.diskFormat,
      container_format: 'bare',
      visibility: upload.visibility ?? (user === undefined || user === 'admin' ? 'public' : 'private'),
      tags: upload.tags ?? [],
    }
    return imageId(await glance('POST', '/v2/images', { ...(user === undefined ? {} : { user }), json }))
  }
  const accessLog = async () => {
    const lines = (await readFile(join(directory, 'log/access.jsonl'), 'utf8'))
      .split('\n')
      .filter((line) => line !== '')
    return lines.map((line) => JSON.parse(line) as AccessLogLine)
  }
  const stop = async () => {
    await down(['--purge'])
  }

  return {
    env,
    glanceUrl,
    keystoneUrl,
    cloudsFile: join(directory, 'clouds.yaml'),
    accessLog,
    async imageReads(id) {
      return (await accessLog()).filter((line) => line.method === 'GET' && line.path === `/v2/images/${id}/file`)
    },
    token,
    glance,
    uploadImage: (upload) => uploadWithClient(upload, { ...cleanEnv(), ...env }),
    async uploadImageFast(upload, user) {
      const id = await createImage(upload, user)
      const data = await openAsBlob(upload.file)
      await call('PUT', `${glanceUrl}/v2/images/${id}/file`, await token(user), 'application/octet-stream', data)
      return id
    },
    createImage,
    async deactivate(id) {
      await glance('POST', `/v2/images/${id}/actions/deactivate`)
    },
    async reactivate(id) {
      await glance('POST', `/v2/images/${id}/actions/reactivate`)
    },
    async deleteImage(id) {
      await glance('DELETE', `/v2/images/${id}`)
    },
    async stopGlance() {
      await down(['glance'])
    },
    async startGlance() {
      await up([])
    },
    async stopKeystone() {
      await down(['keystone'])
    },
    async startKeystone() {
      await up([])
    },
    stop,
    [Symbol.asyncDispose]: stop,
  }
}

/** `openstack image create`, or `glance image-create`, which is sooner done but cannot do without a Keystone. */
async function uploadWithClient(upload: ImageUpload, env: NodeJS.ProcessEnv): Promise<string> {
  const { name, file, diskFormat, visibility = 'public', properties = {}, tags = [] } = upload
  const common = ['--disk-format', diskFormat, '--container-format', 'bare', '--file', file]
  for (const [key, value] of Object.entries(properties)) common.push('--property', `${key}=${value}`)
  for (const tag of tags) common.push('--tag', tag)
  const hasKeystone = env.OS_AUTH_URL !== undefined
  const program = hasKeystone ? '/usr/bin/glance' : '/usr/bin/openstack'
  const arguments_ = hasKeystone
    ? ['--os-image-api-version', '2', 'image-create', ...common, '--visibility', visibility, '--name', name]
    : ['image', 'create', ...common, `--${visibility}`, name]
  const { stdout } = await run(program, arguments_, { env, maxBuffer: 1024 * 1024 })
  const id = /^\| id +\| ([0-9a-f-]{36}) /m.exec(stdout)?.[1]
  if (id === undefined) throw new Error(`${program} printed no id: ${stdout}`)
  return id
}

async function script(name: string, directory: string, arguments_: string[], namespace?: string): Promise<string> {
  try {
    const enter = namespace === undefined ? [] : ['ip', 'netns', 'exec', namespace]
    const [program = '', ...argv] = [...enter, join(import.meta.dirname, name), directory, ...arguments_]
    const { stdout } = await run(program, argv, { maxBuffer: 1024 * 1024, timeout: 180_000 })
    return stdout
  } catch (error) {
    const { stderr } = error as { stderr?: string }
    throw new Error(`${name} ${directory} failed: ${stderr?.trim() || String(error)}`, { cause: error })
  }
}

function parseExports(text: string): Record<string, string> {
  const pairs = text
    .split('\n')
    .filter((line) => line.startsWith('export '))
    .flatMap((line) => line.slice('export '.length).split(' '))
  return Object.fromEntries(pairs.map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]))
}

/** The environment without OpenStack's variables and without proxies, so that only what is given counts. */
function cleanEnv(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^OS_|_proxy$/i.test(name)))
}

async function requestToken(keystoneUrl: string, user: string, project: string): Promise<string> {
  const domain = { id: 'default' }
  const auth = {
    identity: { methods: ['password'], password: { user: { name: user, domain, password: `${user}pw` } } },
    scope: { project: { name: project, domain } },
  }
  const response = await fetch(`${keystoneUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth }),
  })
  const token = response.headers.get('x-subject-token')
  if (token === null) throw new Error(`Keystone answered ${response.status}: ${await response.text()}`)
  await response.body?.cancel()
  return token
}

async function call(method: string, url: string, token: string, type: string, body: string | Blob | null) {
  const headers = { 'x-auth-token': token, 'content-type': type }
  const response = await fetch(url, { method, headers, body })
  const text = await response.text()
  if (!response.ok) throw new Error(`${method} ${url} answered ${response.status}: ${text.slice(0, 500)}`)
  return text === '' ? undefined : (JSON.parse(text) as unknown)
}

function imageId(answer: unknown): string {
  const { id } = answer as { id?: unknown }
  if (typeof id !== 'string') throw new Error('Glance answered without an id')
  return id
}
