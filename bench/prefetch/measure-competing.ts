import { boundSecondsOf } from '../swarm/swarm-setup.ts'
import { carryOut } from './carry-out.ts'
import type { PrefetchFleet } from './prefetch-fleet.ts'
import type { PrefetchGround } from './prefetch-ground.ts'

const PRIORITIES = { first: 80, second: 20 } as const
const IMAGES = 2

/** Two plans for every node at once, of images that the seed has. Times are seconds from the moment at which each was asked for. */
export interface CompetingRun {
  readonly scenario: 'competing'
  readonly nodes: number
  readonly mib: number
  readonly firstSeconds: number
  readonly secondSeconds: number
  readonly firstPredictedSeconds: number
  readonly secondPredictedSeconds: number
  /** Of the later one, over the fluid bound of both images. */
  readonly lastOverBound: number
}

export async function measureCompeting(
  { setup, size, goodput }: PrefetchGround,
  fleet: PrefetchFleet,
  { timeoutMs }: { timeoutMs: number },
): Promise<CompetingRun> {
  const { client } = fleet
  const names = ['first', 'second'] as const
  const orders = []
  for (const name of names) {
    const image = await fleet.addImage(name)
    const { digest } = await fleet.importImage(image)
    orders.push({ name, image, digest, priority: PRIORITIES[name] })
  }
  const begun = orders.map((order) => carryOut(client, order, { timeoutMs: timeoutMs * IMAGES }))
  const [first, second] = await Promise.all(begun)
  for (const { name, digest } of orders) {
    await fleet.check(digest)
    await fleet.removeImage(name)
  }
  if (first === undefined || second === undefined) throw new TypeError('there are two plans')
  const last = Math.max(first.lastSeconds, second.lastSeconds)
  return {
    ...{ scenario: 'competing', nodes: fleet.nodes.length, mib: size.mib },
    ...{ firstSeconds: round(first.lastSeconds), secondSeconds: round(second.lastSeconds) },
    ...{ firstPredictedSeconds: round(first.predictedSeconds), secondPredictedSeconds: round(second.predictedSeconds) },
    lastOverBound: round(last / (IMAGES * boundSecondsOf(setup, goodput))),
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000
}
