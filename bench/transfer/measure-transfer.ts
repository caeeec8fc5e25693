import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit } from '../engines/at-exit.ts'
import { type BenchLayer, createBenchLayer } from '../engines/bench-layer.ts'
import { startBenchTracker } from '../engines/bench-tracker.ts'
import type { Engine, EngineRole, EngineRun } from '../engines/engine.ts'
import { launchHere } from '../engines/launch-here.ts'
import { machineCpuSeconds } from '../engines/process-usage.ts'
import { type BenchNetwork, createBenchNetwork } from './bench-network.ts'
import { fileSha256 } from './file-sha256.ts'

const TRACKER_PORT = 6969
const MIB = 1024 ** 2
const GIB = 1024 ** 3
const MB = 1e6
const HASHERS = 2

/** A layer on one file system, for any number of runs one after the other. */
export interface TransferGround extends AsyncDisposable {
  readonly directory: string
  readonly layer: BenchLayer
  readonly network: BenchNetwork
}

export async function createTransferGround(options: { parent: string; sizeBytes: number }): Promise<TransferGround> {
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(options.parent, 'shoal-transfer-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  stack.defer(async () => {
    await rm(directory, { recursive: true, force: true })
    forget()
  })
  const network = stack.use(await createBenchNetwork())
  const trackers = [`http://${trackerHost(network)}:${TRACKER_PORT}/announce`]
  const layer = await createBenchLayer({ directory, sizeBytes: options.sizeBytes, trackers })
  const kept = stack.move()
  return { directory, layer, network, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** One run: what it took from all ready to all done. */
export interface Transfer {
  readonly engine: string
  readonly peers: number
  readonly mib: number
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
  const [{ uploadedBytes }] = await Promise.all([seed.stop(), ...peers.map((peer) => peer.stop())])
  await checkFiles(
    peers.map(({ file }) => file),
    layer,
  )
  return toTransfer(
    { engine: engine.name, peers: peers.length, sizeBytes: layer.sizeBytes, wallSeconds },
    {
      seedCpuSeconds: after.seed - before.seed,
      peerCpuSeconds: after.peers - before.peers,
      machineCpuSeconds: after.machine - before.machine,
      uploadedBytes,
      peakRssMiB,
    },
  )
}

/** Puts what was counted into the units in which runs are compared. */
export function toTransfer(
  run: { engine: string; peers: number; sizeBytes: number; wallSeconds: number },
  used: {
    seedCpuSeconds: number
    peerCpuSeconds: number
    machineCpuSeconds: number
    uploadedBytes: number | null
    peakRssMiB: number
  },
): Transfer {
  const { engine, peers, sizeBytes, wallSeconds } = run
  const { uploadedBytes, peakRssMiB } = used
  const deliveredBytes = peers * sizeBytes
  return {
    ...{ engine, peers, peakRssMiB },
    mib: sizeBytes / MIB,
    wallSeconds: round(wallSeconds),
    mbPerSecond: Math.round(deliveredBytes / MB / wallSeconds),
    cpuPerGiB: round((used.seedCpuSeconds + used.peerCpuSeconds) / (deliveredBytes / GIB)),
    seedCpuSeconds: round(used.seedCpuSeconds),
    peerCpuSeconds: round(used.peerCpuSeconds),
    machineCpuSeconds: round(used.machineCpuSeconds),
    seedCopies: uploadedBytes === null ? null : round(uploadedBytes / sizeBytes),
  }
}

function trackerHost({ prefix }: BenchNetwork): string {
  return `${prefix}.1`
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
      return {
        node,
        host: `${network.prefix}.${last}`,
        port: lastPort,
        directory: join(parent, node),
        launch: launchHere,
      }
    },
  }
}

/** Rejects unless each file has the layer's SHA-256. */
export async function checkFiles(files: readonly string[], layer: BenchLayer): Promise<void> {
  const left = [...files]
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

function round(value: number): number {
  return Math.round(value * 100) / 100
}
