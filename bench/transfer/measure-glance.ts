import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type OpenStack, startOpenStack } from '../../infra/openstack/openstack.ts'
import { engineEnvironment } from '../engines/engine-process.ts'
import { machineCpuSeconds, processUsage, reapedCpuSeconds } from '../engines/process-usage.ts'
import { checkFiles, type Transfer, type TransferGround, toTransfer } from './measure-transfer.ts'

const WORKERS = 2
const GLANCE_PORT = 9292
const KEYSTONE_PORT = 5000
const LAST_HOST = 254

/** A real Keystone and Glance that hold the layer as an image. */
export interface GlanceGround extends AsyncDisposable {
  readonly openstack: OpenStack
  readonly directory: string
  readonly image: string
}

export async function createGlanceGround({ directory, layer, network }: TransferGround): Promise<GlanceGround> {
  const state = join(directory, 'openstack')
  const openstack = await startOpenStack({
    directory: state,
    host: `${network.prefix}.${LAST_HOST}`,
    glancePort: GLANCE_PORT,
    keystonePort: KEYSTONE_PORT,
    workers: WORKERS,
  })
  try {
    const image = await openstack.uploadImageFast({ name: 'layer', file: layer.file, diskFormat: 'raw' })
    return { openstack, directory: state, image, [Symbol.asyncDispose]: () => openstack.stop() }
  } catch (error) {
    await openstack.stop()
    throw error
  }
}

/** All clients read the image at once over plain HTTP, as Nova does, and write it to a file; none checks it. */
export async function measureGlance(
  ground: TransferGround,
  glance: GlanceGround,
  options: { peers: number; timeoutMs: number },
): Promise<Transfer> {
  const directory = await mkdtemp(join(ground.directory, 'curl-'))
  const url = `${glance.openstack.glanceUrl}/v2/images/${glance.image}/file`
  const token = await glance.openstack.token()
  const files = Array.from({ length: options.peers }, (_, index) => join(directory, `${index}`))
  try {
    const servers = serverPids(glance.directory)
    const before = { seed: processUsage(servers).cpuSeconds, peers: reapedCpuSeconds(), machine: machineCpuSeconds() }
    const begin = performance.now()
    await Promise.all(files.map((file) => fetchWithCurl(url, { token, file, timeoutMs: options.timeoutMs })))
    const wallSeconds = (performance.now() - begin) / 1000
    const { cpuSeconds, peakRssMiB } = processUsage(servers)
    await checkFiles(files, ground.layer)
    return toTransfer(
      { engine: 'glance-http', peers: options.peers, sizeBytes: ground.layer.sizeBytes, wallSeconds },
      {
        seedCpuSeconds: cpuSeconds - before.seed,
        peerCpuSeconds: reapedCpuSeconds() - before.peers,
        machineCpuSeconds: machineCpuSeconds() - before.machine,
        uploadedBytes: options.peers * ground.layer.sizeBytes,
        peakRssMiB,
      },
    )
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
}

async function fetchWithCurl(url: string, options: { token: string; file: string; timeoutMs: number }): Promise<void> {
  const flags = ['--silent', '--fail', '--noproxy', '*', '--max-time', `${Math.ceil(options.timeoutMs / 1000)}`]
  const header = `X-Auth-Token: ${options.token}`
  const child = spawn('curl', [...flags, '--header', header, '--output', options.file, url], {
    stdio: 'ignore',
    env: engineEnvironment(),
  })
  const [code] = await once(child, 'exit')
  if (code !== 0) throw new Error(`curl ended with ${code}`)
}

/** Keystone, Glance and their workers, from the files in which the scripts keep their pids. */
function serverPids(state: string): number[] {
  const roots = globSync('run/*.pid', { cwd: state }).map((file) =>
    Number.parseInt(readFileSync(join(state, file), 'utf8'), 10),
  )
  const workers = roots.flatMap((pid) => readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' '))
  return [...roots, ...workers.filter((pid) => pid !== '').map(Number)]
}
