import type { Client, Plan, PlanNode } from '@shoal/api'

/** How often nodes are looked at, too. */
const WAIT_SECONDS = 1

/** A plan that was carried out. Times are seconds from the moment at which it was asked for. */
export interface CarriedOut {
  readonly plan: Plan
  /** What it said when it was made. */
  readonly predictedSeconds: number
  readonly boundSeconds: number
  readonly limitedBy: string
  readonly nodes: readonly CarriedOutNode[]
  readonly lastSeconds: number
  readonly medianSeconds: number
}

export interface CarriedOutNode {
  readonly node: string
  readonly predictedSeconds: number
  readonly readySeconds: number
}

export interface PlanOrder {
  readonly name: string
  readonly image: string
  readonly priority?: number
}

/** Asks for a plan for every node and follows it to its end, all by the API. Rejects when it is not done in time. */
export async function carryOut(
  client: Client,
  { name, image, priority }: PlanOrder,
  { timeoutMs }: { timeoutMs: number },
): Promise<CarriedOut> {
  const deadline = Date.now() + timeoutMs
  const made = await client.createPrefetch({
    headers: { 'idempotency-key': name },
    body: { name, images: [{ image, all: true }], ...(priority === undefined ? {} : { priority }) },
  })
  const { id, createdAt, prediction } = made
  if (id === null) throw new Error(`the plan ${name} has no name`)
  const foretold = await nodesOf(client, id)
  const readyAt = new Map<string, string>()
  let isOver = false
  while (!isOver) {
    if (Date.now() > deadline) throw new Error(`${name} is not done in time: ${await told(client, id)}`)
    // All nodes are ready a moment before the plan is done.
    const wait = await client.waitPrefetch({ params: { plan: id }, query: { timeoutSeconds: WAIT_SECONDS } })
    isOver = wait.isEnded && wait.plan.state !== 'partly-done'
    if (isOver) break
    for (const { node, ...rest } of await nodesOf(client, id)) {
      if (rest.readyAt !== null && !readyAt.has(node)) readyAt.set(node, rest.readyAt)
    }
  }
  const plan = await client.showPrefetch({ params: { plan: id } })
  if (plan.state !== 'done') throw new Error(`${name} ended otherwise: ${await told(client, id)}`)
  const seconds = (time: string | null | undefined) => (Date.parse(time ?? '') - Date.parse(createdAt)) / 1000
  const nodes = foretold.map(({ node, predictedFinishAt }) => {
    // Those that were not seen ready before the plan was done are those that it waited for.
    const readySeconds = Math.min(seconds(readyAt.get(node) ?? plan.finishedAt), seconds(plan.finishedAt))
    return { node, readySeconds, predictedSeconds: seconds(predictedFinishAt) }
  })
  const ready = nodes.map(({ readySeconds }) => readySeconds).sort((a, b) => a - b)
  return {
    ...{ plan, nodes, predictedSeconds: seconds(prediction.finishAt) },
    ...{ boundSeconds: prediction.fluidBoundSeconds, limitedBy: prediction.limitedBy },
    lastSeconds: ready.at(-1) ?? Number.NaN,
    medianSeconds: ready[Math.floor((ready.length - 1) / 2)] ?? Number.NaN,
  }
}

async function nodesOf(client: Client, plan: string): Promise<PlanNode[]> {
  const { nodes } = await client.listPrefetchNodes({ params: { plan }, query: { limit: 1000 } })
  return nodes
}

async function told(client: Client, id: string): Promise<string> {
  const { state, error, unmet, progress } = await client.showPrefetch({ params: { plan: id } })
  return JSON.stringify({ state, error, unmet, nodes: progress.nodes, slowest: progress.slowest.slice(0, 1) })
}
