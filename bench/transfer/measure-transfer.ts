import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { type BenchLayer, createBenchLayer } from '../engines/bench-layer.ts'
import { startBenchTracker } from '../engines/bench-tracker.ts'
import type { Engine, EngineRole, EngineRun } from '../engines/engine.ts'
import { launchHere } from '../engines/launch-here.ts'
import { fileSha256 } from './file-sha256.ts'

const TRACKER_PORT = 6969
const GIB = 1024 ** 3
const MB = 1e6
const HASHERS = 2

/** A layer on one file system, for any number of runs one after the other. */
export interface TransferGround extends AsyncDisposable {
  readonly directory: string
  readonly layer: BenchLayer
  /** The first three numbers of its own loopback addresses. */
  readonly network: string
}

export async function createTransferGround(options: { parent: string; sizeBytes: number }): Promise<TransferGround> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(options.parent, 'shoal-transfer-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const network = `127.${randomInt(64, 128)}.${randomInt(256)}`
  const trackers = [`http://${trackerHost(network)}:${TRACKER_PORT}/announce`]
  const layer = await createBenchLayer({ directory, sizeBytes: options.sizeBytes, trackers })
  const kept = stack.move()
  return { directory, layer, network, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** One run: what it took from all ready to all done. */
export interface Transfer {
  readonly engine: string
  readonly peers: number
  readonly wallSeconds: number
  readonly mbPerSecond: number
  /** Both ends, per GiB delivered. */
  readonly cpuPerGiB: number
  readonly seedCpuSeconds: number
  readonly peerCpuSeconds: number
  /** All of the machine but idle time, for what no process is charged with, such as writing back. */
  readonly machineCpuSeconds: number
  /** Bytes the seed sent over the layer's size; `null` where the engine does not tell. */
  readonly seedCopies: number | null
  /** Largest of the processes. */
  readonly peakRssMiB: number
}

/**
 * Brings the layer from one seed to `peers` processes on this machine. Rejects when it takes too long or when a
 * file is not the layer. Leaves nothing running and no file.
 */
export async function measureTransfer(
  ground: TransferGround,
  engine: Engine,
  options: { peers: number; timeoutMs: number },
): Promise<Transfer> {
  const { layer } = ground
  const places = createPlaces(ground)
  await using stack = new AsyncDisposableStack()
  stack.defer(() => rm(places.directory, { recursive: true, force: true }))
  // A new one for each run: it must not hand out the peers of the run before.
  const tracker = stack.use(await startBenchTracker({ host: trackerHost(ground.network), port: TRACKER_PORT }))
  const start = async (role: EngineRole, node: string) => {
    const place = places.next(node)
    const run = await (role === 'seed' ? engine.startSeed(place, layer) : engine.startPeer(place, layer))
    stack.defer(() => run.kill())
    tracker.introduce(run, place, role)
    return run
  }
  const seed = await start('seed', 'seed')
  const names = Array.from({ length: options.peers }, (_, index) => `peer${index}`)
  const started = await Promise.allSettled(names.map((node) => start('peer', node)))
  const peers = started.map((result) => {
    if (result.status === 'rejected') throw result.reason
    return result.value
  })
  await seed.begin()
  await tracker.known(1)
  const cpu = (runs: readonly EngineRun[]) => runs.reduce((sum, run) => sum + run.cpuSeconds(), 0)
  const before = { seed: cpu([seed]), peers: cpu(peers), machine: machineCpuSeconds() }
  const begin = performance.now()
  await Promise.all(peers.map((peer) => peer.begin()))
  await within(options.timeoutMs, Promise.all(peers.map(({ done }) => done)))
  const wallSeconds = (performance.now() - begin) / 1000
  const after = { seed: cpu([seed]), peers: cpu(peers), machine: machineCpuSeconds() }
  const peakRssMiB = Math.max(...[seed, ...peers].map((run) => run.peakRssMiB()))
  const { uploadedBytes } = await seed.stop()
  await Promise.all(peers.map((peer) => peer.stop()))
  await checkFiles(peers, layer)
  const delivered = peers.length * layer.sizeBytes
  const [seedCpuSeconds, peerCpuSeconds] = [after.seed - before.seed, after.peers - before.peers]
  return {
    engine: engine.name,
    peers: peers.length,
    wallSeconds: round(wallSeconds),
    mbPerSecond: Math.round(delivered / MB / wallSeconds),
    cpuPerGiB: round((seedCpuSeconds + peerCpuSeconds) / (delivered / GIB)),
    seedCpuSeconds: round(seedCpuSeconds),
    peerCpuSeconds: round(peerCpuSeconds),
    machineCpuSeconds: round(after.machine - before.machine),
    seedCopies: uploadedBytes === null ? null : round(uploadedBytes / layer.sizeBytes),
    peakRssMiB,
  }
}

function trackerHost(network: string): string {
  return `${network}.1`
}

let lastPort = randomInt(20_000, 28_000)

/** An address, a port and a directory for each process; ports are not used twice, for the engines that listen everywhere. */
function createPlaces({ directory, network }: TransferGround) {
  let last = 1
  const parent = join(directory, `run-${randomInt(1e9)}`)
  return {
    directory: parent,
    next: (node: string) => {
      last += 1
      lastPort += 2
      return { node, host: `${network}.${last}`, port: lastPort, directory: join(parent, node), launch: launchHere }
    },
  }
}

async function checkFiles(peers: readonly EngineRun[], layer: BenchLayer): Promise<void> {
  const left = peers.map(({ file }) => file)
  const check = async () => {
    for (let file = left.pop(); file !== undefined; file = left.pop()) {
      if ((await fileSha256(file)) !== layer.sha256) throw new Error(`${file} is not the layer`)
    }
  }
  await Promise.all(Array.from({ length: HASHERS }, check))
}

async function within<T>(timeoutMs: number, promise: Promise<T>): Promise<T> {
  const abandoned = new AbortController()
  const late = sleep(timeoutMs, undefined, { signal: abandoned.signal }).then(() => {
    throw new Error(`not done after ${timeoutMs / 1000} s`)
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    abandoned.abort()
    late.catch(() => {})
  }
}

/** The first line of proc(5)'s stat without idle and iowait, in seconds of one core. */
function machineCpuSeconds(): number {
  const [line = ''] = readFileSync('/proc/stat', 'utf8').split('\n')
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = line.trim().split(/\s+/).slice(1).map(Number)
  return (user + nice + system + irq + softirq) / 100
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
