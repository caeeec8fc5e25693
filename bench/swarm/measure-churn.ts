import { cpus } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Engine, EngineRun } from '../engines/engine.ts'
import { machineCpuSeconds } from '../engines/process-usage.ts'
import { checkFiles } from '../transfer/measure-transfer.ts'
import { type ChurnRemainder, remainingBoundSeconds } from './churn-bound.ts'
import type { ChurnRoles, ChurnScenario } from './churn-scenario.ts'
import { type LinkCounts, readLinkCounts } from './link-counters.ts'
import { openSwarmCast } from './swarm-cast.ts'
import type { SwarmGround } from './swarm-ground.ts'
import { fluidLinksOf } from './swarm-setup.ts'
import { within } from './within.ts'

/** One run. Times are from the trouble: the begin of all, or the moment in the middle when peers are lost. */
export interface ChurnRun {
  readonly scenario: ChurnScenario
  readonly engine: string
  /** Those who have to finish. */
  readonly nodes: number
  readonly mib: number
  readonly rateMBPerSecond: number
  readonly goodput: number
  /** The fluid bound of what remains for those who stay, and for those and the late. */
  readonly boundSeconds: number
  readonly lastSeconds: number
  /** Of those who stay. */
  readonly lastOverBound: number
  /** Of the late, over the bound of all; `null` without any. */
  readonly lateOverBound: number | null
  readonly seedCopies: number | null
  readonly machineCpuShare: number
}

/** One run; rejects when those who should finish take longer than `timeoutMs`, or when a file of theirs is not the layer. */
export async function measureChurn(
  ground: SwarmGround,
  engine: Engine,
  options: { scenario: ChurnScenario; roles: ChurnRoles; timeoutMs: number; onBegin?: () => AsyncDisposable },
): Promise<ChurnRun> {
  const { layer, setup, goodput, lab } = ground
  const { scenario, roles } = options
  await using cast = await openSwarmCast(ground, engine)
  const start = (peers: ChurnRoles['late'], flags: readonly string[] = []) =>
    cast.startPeers(
      peers.map(({ node }) => node),
      flags,
    )
  const stayers = await start(roles.stayers)
  const lost = await start(roles.lost)
  const late = await start(roles.late)
  const odd = await start(roles.odd, scenario === 'slow' ? [] : [`--manner=${scenario}`])
  const before = { machine: machineCpuSeconds(), links: await readLinkCounts(lab, setup) }
  await using _watch = options.onBegin?.()
  const begin = performance.now()
  const doneSeconds = (runs: readonly EngineRun[], from: number) => {
    const all = Promise.all(runs.map((run) => run.done)).then(() => (performance.now() - from) / 1000)
    all.catch(() => {})
    return all
  }
  await Promise.all([...odd, ...stayers, ...lost].map((run) => run.begin()))
  let troubleAt = begin
  if (lost.length > 0) {
    const halfSeconds = setup.sizeBytes / (setup.seedBytesPerSecond * goodput) / 2
    await sleep(halfSeconds * 1000)
    troubleAt = performance.now()
    // Frozen: its kernel goes on to accept and to acknowledge, and nothing else ever comes.
    if (scenario === 'frozen') for (const { pid } of lost) process.kill(pid, 'SIGSTOP')
    else await Promise.all(lost.map((run) => run.kill()))
  }
  const carried = await readLinkCounts(lab, setup, before.links)
  const boundOf = (peers: ChurnRoles['late']) => remainingBoundSeconds(remainder(ground, peers, carried))
  const bounds = { stayers: boundOf(roles.stayers), all: boundOf([...roles.stayers, ...roles.late]) }
  await Promise.all(late.map((run) => run.begin()))
  const finished = Promise.all([doneSeconds(stayers, troubleAt), doneSeconds(late, troubleAt)])
  const [lastSeconds, lateSeconds] = await within(options.timeoutMs, finished)
  const machine = machineCpuSeconds() - before.machine
  const machineCpuShare = machine / ((performance.now() - begin) / 1000) / cpus().length

  const finishers = [...stayers, ...late]
  const [{ uploadedBytes }] = await Promise.all([cast.seed.stop(), ...finishers.map((run) => run.stop())])
  await checkFiles(
    finishers.map(({ file }) => file),
    layer,
  )
  return {
    ...{ scenario, engine: engine.name, nodes: finishers.length, mib: layer.sizeBytes / 1024 ** 2 },
    rateMBPerSecond: setup.seedBytesPerSecond / 1e6,
    goodput: round(goodput, 4),
    boundSeconds: round(bounds.stayers),
    lastSeconds: round(lastSeconds),
    lastOverBound: round(lastSeconds / bounds.stayers, 3),
    lateOverBound: late.length === 0 ? null : round(Math.max(lastSeconds, lateSeconds) / bounds.all, 3),
    seedCopies: uploadedBytes === null ? null : round(uploadedBytes / layer.sizeBytes),
    machineCpuShare: round(machineCpuShare),
  }
}

/** What remains for these peers when the links have carried so much since all began. */
function remainder({ setup, goodput }: SwarmGround, peers: ChurnRoles['late'], carried: LinkCounts): ChurnRemainder {
  const { seedUp, peers: links } = fluidLinksOf(setup, goodput, peers)
  const has = peers.map(({ node }) => (carried.intoPeers.get(node) ?? 0) * goodput)
  return {
    sizeBytes: setup.sizeBytes,
    seedSentBytes: carried.seedUp * goodput,
    seedUp,
    peers: links.map((link, index) => ({ ...link, hasBytes: has[index] ?? 0 })),
  }
}

function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
