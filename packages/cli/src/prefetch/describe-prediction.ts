import type { Plan, PlanPrediction } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { formatDuration } from '../format/duration.ts'

type Fact = readonly [name: string, value: string]

/** What links are called, by the planner's word for what sets its bound. */
const LINKS: Readonly<Record<string, string>> = {
  library: 'reading the library',
  seed: 'what the seed can send',
  node: 'what a node can receive',
  upload: 'what seed and nodes can send together',
  uplink: "a rack's uplink",
  plan: "the plan's own limit",
}

/** What the planner expects, and what a simulation found, as facts for people. */
export function predictionFacts({ prediction, simulation }: Pick<Plan, 'prediction' | 'simulation'>): Fact[] {
  const facts: Fact[] = [
    ['predicted', describeFinish(prediction)],
    ['at best', describeBound(prediction)],
    ...bytesFacts('bytes', prediction.bytes),
  ]
  if (simulation === null) return facts
  const { seconds, medianSeconds, unfinishedNodes, seedCopies, crossRackCopies, bytes } = simulation
  const half = medianSeconds === null ? 'never half of the nodes' : `half of the nodes in ${inSeconds(medianSeconds)}`
  const all = seconds === null ? 'never all' : `all that live in ${inSeconds(seconds)}`
  const lost = unfinishedNodes === 0 ? '' : `, ${unfinishedNodes} never`
  return [
    ...facts,
    ['simulated', `${all}, ${half}${lost}`],
    ['', `seed copies ${seedCopies.toFixed(2)}, into the worst rack ${crossRackCopies.toFixed(2)}`],
    ...bytesFacts('', bytes),
  ]
}

function describeFinish({ finishAt, seconds }: PlanPrediction): string {
  if (finishAt === null || seconds === null) return 'never, as things are'
  return seconds === 0 ? 'nothing has to move' : `ready ${inSeconds(seconds)} after its start, at ${finishAt}`
}

function describeBound({ seconds, fluidBoundSeconds, limitedBy }: PlanPrediction): string {
  if (fluidBoundSeconds === 0) return 'no time'
  const link = LINKS[limitedBy] ?? limitedBy
  const over = seconds === null ? '' : `; the plan takes ${(seconds / fluidBoundSeconds).toFixed(2)} times that`
  return `${inSeconds(fluidBoundSeconds)}, by ${link}${over}`
}

function bytesFacts(name: string, { libraryToSeed, seedToNode, inRack, crossRack }: PlanPrediction['bytes']): Fact[] {
  return [
    [name, `${formatBytes(libraryToSeed)} from the library, ${formatBytes(seedToNode)} from the seed`],
    ['', `${formatBytes(inRack)} within racks, ${formatBytes(crossRack)} between racks`],
  ]
}

function inSeconds(seconds: number): string {
  return formatDuration(seconds * 1000)
}
