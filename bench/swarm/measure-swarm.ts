import { cpus } from 'node:os'
import type { Engine, EngineRun } from '../engines/engine.ts'
import { machineCpuSeconds } from '../engines/process-usage.ts'
import { checkFiles } from '../transfer/measure-transfer.ts'
import { readLinkCounts } from './link-counters.ts'
import { openSwarmCast } from './swarm-cast.ts'
import type { SwarmGround } from './swarm-ground.ts'
import { boundSecondsOf, type SwarmCase } from './swarm-setup.ts'
import { within } from './within.ts'

const MIB = 1024 ** 2

/** One run: how near it came to what the links allow. Times are from all ready. */
export interface SwarmRun {
  readonly case: SwarmCase
  readonly engine: string
  readonly nodes: number
  readonly mib: number
  /** Of a node's link, on the wire. */
  readonly rateMBPerSecond: number
  /** Share of it that one plain TCP stream had as payload: what the bound counts with. */
  readonly goodput: number
  readonly boundSeconds: number
  readonly lastSeconds: number
  readonly medianSeconds: number
  readonly lastOverBound: number
  readonly medianOverBound: number
  /** Payload that the seed says it sent over the layer's size; `null` where the engine does not tell. */
  readonly seedCopies: number | null
  /** The same from the counter of the seed's link: requests, acknowledgements and what was sent in vain count. */
  readonly seedLinkCopies: number
  /** Of the worst rack, from the counter of its uplink; `null` without racks. */
  readonly crossRackCopies: number | null
  /** Of all cores, while it ran. Near 1 the machine is what was measured. */
  readonly machineCpuShare: number
  /** Of all processes of the engine, per GiB delivered. */
  readonly cpuPerGiB: number
}

/** Rejects when it takes longer than `timeoutMs` or when a file is not the layer. Leaves nothing running and no file. */
export async function measureSwarm(
  ground: SwarmGround,
  engine: Engine,
  options: { timeoutMs: number; checks?: boolean; onBegin?: () => AsyncDisposable },
): Promise<SwarmRun> {
  const { lab, layer, setup, goodput } = ground
  await using cast = await openSwarmCast(ground, engine)
  const peers = await cast.startPeers(setup.peers.map(({ node }) => node))
  const all = [cast.seed, ...peers]
  const before = { cpu: cpuOf(all), machine: machineCpuSeconds(), links: await readLinkCounts(lab, setup) }
  let finishedSeconds: number[]
  {
    await using _watch = options.onBegin?.()
    const begin = performance.now()
    const finished = peers.map((peer) => peer.done.then(() => (performance.now() - begin) / 1000))
    for (const promise of finished) promise.catch(() => {})
    await Promise.all(peers.map((peer) => peer.begin()))
    finishedSeconds = (await within(options.timeoutMs, Promise.all(finished))).sort((a, b) => a - b)
  }
  const after = { cpu: cpuOf(all), machine: machineCpuSeconds(), links: await readLinkCounts(lab, setup, before.links) }
  const [{ uploadedBytes }] = await Promise.all([cast.seed.stop(), ...peers.map((peer) => peer.stop())])
  const files = peers.map(({ file }) => file)
  if (options.checks !== false) await checkFiles(files, layer)

  const copies = (bytes: number) => round((bytes * goodput) / layer.sizeBytes)
  const boundSeconds = boundSecondsOf(setup, goodput)
  const lastSeconds = finishedSeconds.at(-1) ?? Number.NaN
  const medianSeconds = finishedSeconds[Math.floor((finishedSeconds.length - 1) / 2)] ?? Number.NaN
  const { seedUp, intoRacks } = after.links
  const deliveredGiB = (peers.length * layer.sizeBytes) / 1024 ** 3
  return {
    ...{ case: setup.case, engine: engine.name, nodes: peers.length, mib: layer.sizeBytes / MIB },
    rateMBPerSecond: Math.max(...setup.peers.map(({ bytesPerSecond }) => bytesPerSecond)) / 1e6,
    goodput: round(goodput, 4),
    boundSeconds: round(boundSeconds),
    lastSeconds: round(lastSeconds),
    medianSeconds: round(medianSeconds),
    lastOverBound: round(lastSeconds / boundSeconds, 3),
    medianOverBound: round(medianSeconds / boundSeconds, 3),
    seedCopies: uploadedBytes === null ? null : round(uploadedBytes / layer.sizeBytes),
    seedLinkCopies: copies(seedUp),
    crossRackCopies: intoRacks.length === 0 ? null : copies(Math.max(...intoRacks)),
    machineCpuShare: round((after.machine - before.machine) / lastSeconds / cpus().length),
    cpuPerGiB: round((after.cpu - before.cpu) / deliveredGiB),
  }
}

function cpuOf(runs: readonly EngineRun[]): number {
  return runs.reduce((sum, run) => sum + run.cpuSeconds(), 0)
}

function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
