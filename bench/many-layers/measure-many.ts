import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { digestHex } from '@shoal/core'
import { startBenchTracker } from '../engines/bench-tracker.ts'
import { EngineProcess, engineEnvironment } from '../engines/engine-process.ts'
import { processUsage } from '../engines/process-usage.ts'
import { fileSha256 } from '../transfer/file-sha256.ts'
import { halfTimes, slowestOverMean, slowestOverMeanAtHalf } from './fairness.ts'
import type { LoopDelay } from './loop-delay.ts'
import { listLayers, type ManyLayer } from './many-layers.ts'
import type { NodeSample } from './many-node.ts'

const SCRIPT = join(import.meta.dirname, 'many-node.ts')
const PORT = 6881
const TRACKER_PORT = 6969
const POLL_MS = 20
/** Windows in which every layer must have got something. */
const WINDOW_MS = 5000
/**
 * All processes share the machine's cores, which a node and its sources do not: the node under test goes first, so that its event
 * loop waits for itself and not for them. Only root may put it before whatever else runs.
 */
const NICE_OF_SOURCES = 10
const NICE_OF_TESTED = process.getuid?.() === 0 ? -10 : 0

export interface ManyOptions {
  readonly name: string
  /** Peers that hold all layers, beside the origin. */
  readonly peers: number
  readonly downBytesPerSecond?: number
  /** It is over when all layers are there, or after so long. */
  readonly seconds: number
  /** Whether all layers are to be there then. */
  readonly isWhole: boolean
}

/** What one node that joined many layers at once did. */
export interface ManyRun {
  readonly name: string
  readonly layers: number
  readonly mib: number
  readonly seconds: number
  readonly mbPerSecond: number
  readonly connections: number
  readonly slowestOverMean: number | null
  readonly slowestOverMeanAtHalf: number | null
  readonly halfTimes: { first: number; last: number } | null
  readonly loop: LoopDelay
  readonly peakRssMiB: number
  readonly sourcePeakRssMiB: number
  readonly cpuPerGiB: number
}

interface Counters {
  readonly uploadedBytes: number
  readonly buffersInUse: number
  readonly loop: LoopDelay | undefined
}

/** One node joins all layers at once while an origin and some peers hold all of them. Rejects when a layer came wrong or a buffer is lost. */
export async function measureMany(
  directory: string,
  layers: readonly ManyLayer[],
  options: ManyOptions,
): Promise<ManyRun> {
  const prefix = `127.${randomInt(64, 128)}.${randomInt(1, 255)}`
  const parent = join(directory, `run-${randomInt(1e9)}`)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(parent, { recursive: true, force: true }))
  const tracker = stack.use(await startBenchTracker({ host: `${prefix}.1`, port: TRACKER_PORT }))
  let last = 1
  const samples: NodeSample[] = []
  const start = async (role: 'seed' | 'peer', { holds }: { holds: boolean }) => {
    last += 1
    const [node, host] = [`node${last}`, `${prefix}.${last}`]
    const own = join(parent, node)
    const flags = {
      role,
      node,
      host,
      port: PORT,
      directory: own,
      layers: await listLayers(layers, { directory: own, holds }),
    }
    const down = holds ? undefined : options.downBytesPerSecond
    const argv = [
      ...['nice', '-n', String(holds ? NICE_OF_SOURCES : NICE_OF_TESTED)],
      process.execPath,
      SCRIPT,
      ...Object.entries(flags).map(([name, value]) => `--${name}=${value}`),
      ...tracker.urls.map((url) => `--tracker=${url}`),
      ...(down === undefined ? [] : [`--down=${down}`]),
      ...(holds ? ['--holds'] : []),
    ]
    const [program = '', ...rest] = argv
    const stdio = holds ? (['ignore', 'pipe', 'pipe'] as const) : (['ignore', 'pipe', 'pipe', 'ipc'] as const)
    const child = spawn(program, rest, { env: engineEnvironment(), stdio: [...stdio] })
    child.on('message', (sample: NodeSample) => samples.push(sample))
    const run = new EngineProcess(node, child)
    stack.defer(() => run.kill())
    const done = run.line((line) => event<object>(line, 'done'))
    const counters = run.line((line) => event<Counters>(line, 'counters'))
    const { peerId } = await run.line((line) => event<{ peerId: string }>(line, 'ready'))
    tracker.introduce({ peerId }, { node, host, port: PORT, directory: own, launch: () => child }, role)
    return { run, done, counters, directory: own }
  }
  const sources = await Promise.all([
    start('seed', { holds: true }),
    ...Array.from({ length: options.peers }, () => start('peer', { holds: true })),
  ])
  const tested = await start('peer', { holds: false })
  for (const { run } of sources) run.signal('SIGUSR2')
  await tracker.known(sources.length * layers.length)
  const cpu = () => processUsage([tested.run.pid, ...sources.map(({ run }) => run.pid)]).cpuSeconds
  const cpuBefore = cpu()
  tested.run.signal('SIGUSR2')
  while (samples.length === 0) await Promise.race([sleep(POLL_MS), tested.run.ended])
  const isDone = await Promise.race([tested.done.then(() => true), sleep(options.seconds * 1000, false)])
  if (!isDone && options.isWhole) throw new Error(`${options.name}: not done after ${options.seconds} s`)
  const cpuSeconds = cpu() - cpuBefore
  const peakRssMiB = tested.run.peakRssMiB()
  const sourcePeakRssMiB = Math.max(...sources.map(({ run }) => run.peakRssMiB()))
  await tested.run.stop()
  const { loop, buffersInUse } = await tested.counters
  await Promise.all(sources.map(({ run }) => run.stop()))
  const lost = await Promise.all(sources.map(async ({ counters }) => (await counters).buffersInUse))
  if (buffersInUse + lost.reduce((sum, count) => sum + count, 0) > 0) {
    throw new Error(`${options.name}: buffers are not given back: ${buffersInUse} here, ${lost} at the sources`)
  }
  if (loop === undefined) throw new Error(`${options.name}: the event loop was not watched`)
  if (options.isWhole) await checkLayers(tested.directory, layers)
  const sizes = layers.map(({ sizeBytes }) => sizeBytes)
  const [begin, end] = [samples[0], samples.at(-1)]
  const receivedBytes = end?.receivedBytes.reduce((sum, bytes) => sum + bytes, 0) ?? 0
  const seconds = ((end?.atMs ?? 0) - (begin?.atMs ?? 0)) / 1000
  const times = halfTimes(samples, sizes)
  return {
    ...{ name: options.name, layers: layers.length, mib: Math.round(sum(sizes) / 1024 ** 2), seconds: round(seconds) },
    mbPerSecond: Math.round(receivedBytes / 1e6 / seconds),
    connections: Math.max(...samples.map(({ connections }) => connections)),
    slowestOverMean: roundOrNull(slowestOverMean(samples, { sizes, windowMs: WINDOW_MS })),
    slowestOverMeanAtHalf: roundOrNull(slowestOverMeanAtHalf(samples, sizes)),
    halfTimes: times === null ? null : { first: round(times.first), last: round(times.last) },
    ...{ loop, peakRssMiB, sourcePeakRssMiB },
    cpuPerGiB: round(cpuSeconds / (receivedBytes / 1024 ** 3)),
  }
}

async function checkLayers(directory: string, layers: readonly ManyLayer[]): Promise<void> {
  for (const { manifest, sha256 } of layers) {
    const file = join(directory, 'store', 'layers', digestHex(manifest.digest), 'disk')
    if ((await fileSha256(file)) !== sha256) throw new Error(`${file} is not the layer`)
  }
}

function event<T>(line: string, name: string): T | undefined {
  return line.startsWith(`{"event":"${name}"`) ? (JSON.parse(line) as T) : undefined
}

function sum(values: readonly number[]): number {
  return values.reduce((all, value) => all + value, 0)
}

function roundOrNull(value: number | null): number | null {
  return value === null ? null : round(value)
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
