import { cpus } from 'node:os'
import { machineCpuSeconds } from '../engines/process-usage.ts'
import { readLinkCounts } from '../swarm/link-counters.ts'
import { boundSecondsOf } from '../swarm/swarm-setup.ts'
import { carryOut } from './carry-out.ts'
import { watchIngest } from './ingest-watch.ts'
import type { PrefetchFleet } from './prefetch-fleet.ts'
import type { PrefetchGround } from './prefetch-ground.ts'
import { simulateLab } from './simulated-lab.ts'

const MB = 1e6

/** Where the image is when the plan is asked for: in the library alone, or with the seed. */
export type PlanScenario = 'cold-library' | 'imported'

/** One plan that was carried out. Times are seconds from the moment at which it was asked for; errors are shares of what was measured. */
export interface PlanRun {
  readonly scenario: PlanScenario
  readonly nodes: number
  readonly mib: number
  /** Of a node's link, on the wire, and the share of it that one plain TCP stream had as payload. */
  readonly rateMBPerSecond: number
  readonly goodput: number
  /** The plan's fluid bound and what sets it; and ours of the distribution alone. */
  readonly boundSeconds: number
  readonly limitedBy: string
  readonly spreadBoundSeconds: number
  /** As the seed knows it, by heartbeats. */
  readonly lastSeconds: number
  readonly medianSeconds: number
  /** Of that, what the import took; `null` where there was none. */
  readonly importSeconds: number | null
  /** When its transfers could begin, as the plan says. */
  readonly startedSeconds: number
  readonly lastOverBound: number
  readonly predictedSeconds: number
  readonly predictionError: number
  /** Of each node: what was measured, what the plan foretold, what the simulator says. */
  readonly nodeSeconds: readonly (readonly [node: string, measured: number, foretold: number, simulated: number])[]
  readonly nodePredictionError: { readonly median: number; readonly worst: number }
  readonly simulatorError: { readonly median: number; readonly worst: number }
  /** Payload the seed says it sent, over the layer's size, and the same by its link's counter. */
  readonly seedCopies: number
  readonly seedLinkCopies: number
  /** Into the worst rack, by its uplink's counter. */
  readonly crossRackCopies: number
  /** Payload over the library's link, over the image's size; this and what follows `null` when nothing was read. */
  readonly libraryCopies: number | null
  /** The worst of any window, as shares of the limit. */
  readonly ingestLimitOver: number | null
  readonly ingestLimitUnder: number | null
  /** Of all cores, whoever used them. */
  readonly machineCpuShare: number
}

export async function measurePlan(
  ground: PrefetchGround,
  fleet: PrefetchFleet,
  { scenario, timeoutMs }: { scenario: PlanScenario; timeoutMs: number },
): Promise<PlanRun> {
  const { lab, setup, size, goodput } = ground
  const { client } = fleet
  const isImported = scenario === 'imported'
  const image = await fleet.addImage(scenario)
  if (isImported) await fleet.importImage(image)
  const links = await readLinkCounts(lab, setup)
  const cpu = machineCpuSeconds()
  await using ingest = isImported ? undefined : await watchIngest(lab, { goodput, sizeBytes: setup.sizeBytes })
  const done = await carryOut(client, { name: scenario, image }, { timeoutMs })
  const busy = machineCpuSeconds() - cpu
  const { intoRacks, seedUp } = await readLinkCounts(lab, setup, links)
  const shown = await client.showImage({ params: { image } })
  const layer = await client.showLayer({ params: { layer: shown.layer ?? '' } })
  await fleet.check(layer.digest)
  const library = await ingest?.result(size.ingestMBPerSecond * MB, size.ingestWindowSeconds)
  await fleet.removeImage(scenario)

  const simulated = simulateLab(ground, layer, { isImported })
  const nodes = done.nodes.map(({ node, readySeconds, predictedSeconds }) => {
    return [node, readySeconds, predictedSeconds, simulated.get(node) ?? Number.NaN] as const
  })
  const copies = (bytes: number) => round((bytes * goodput) / layer.sizeBytes)
  const { plan, lastSeconds, predictedSeconds, boundSeconds } = done
  const seconds = (time: string | null | undefined) =>
    round((Date.parse(time ?? '') - Date.parse(plan.createdAt)) / 1000)
  return {
    ...{ scenario, nodes: fleet.nodes.length, mib: size.mib, rateMBPerSecond: size.rateMBPerSecond },
    ...{ goodput: round(goodput, 4), boundSeconds: round(boundSeconds), limitedBy: done.limitedBy },
    spreadBoundSeconds: round(boundSecondsOf(setup, goodput)),
    ...{ lastSeconds: round(lastSeconds), medianSeconds: round(done.medianSeconds) },
    importSeconds: isImported ? null : seconds(shown.import?.finishedAt),
    startedSeconds: seconds(plan.startedAt),
    lastOverBound: round(lastSeconds / boundSeconds, 3),
    predictedSeconds: round(predictedSeconds),
    predictionError: errorOf(predictedSeconds, lastSeconds),
    nodeSeconds: nodes.map(([node, ...times]) => {
      const [measured = 0, foretold = 0, said = 0] = times.map((time) => round(time))
      return [node, measured, foretold, said] as const
    }),
    nodePredictionError: summary(nodes.map(([, measured, foretold]) => errorOf(foretold, measured))),
    simulatorError: summary(nodes.map(([, measured, , said]) => errorOf(said, measured))),
    ...{ seedCopies: round(layer.seedCopies, 3), seedLinkCopies: copies(seedUp) },
    crossRackCopies: copies(Math.max(...intoRacks)),
    libraryCopies: library === undefined ? null : round(library.copies, 3),
    ingestLimitOver: library === undefined ? null : round(library.over, 4),
    ingestLimitUnder: library === undefined ? null : round(library.under, 4),
    machineCpuShare: round(busy / lastSeconds / cpus().length),
  }
}

function errorOf(said: number, measured: number): number {
  return round(Math.abs(said - measured) / measured, 3)
}

function summary(errors: readonly number[]): { median: number; worst: number } {
  const sorted = errors.toSorted((a, b) => a - b)
  return { median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN, worst: sorted.at(-1) ?? Number.NaN }
}

function round(value: number, digits = 2): number {
  return Math.round(value * 10 ** digits) / 10 ** digits
}
