import { once } from 'node:events'
import {
  type Image,
  operations,
  type Plan,
  type PlanNode,
  type PlanUpdate,
  type PrefetchChange,
  type PrefetchRequest,
  type PrefetchRule,
  type PrefetchRuleRequest,
  type WaitResult,
} from '@shoal/api'
import { ShoalError, silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics, type HttpApp, registerOperation } from '@shoal/service'
import { buildImage } from '../builders.ts'
import { type CliOptions, runCli } from '../run-cli.ts'
import { buildPlan, buildRule, summaryOf } from './build-plan.ts'

export const TOKEN = 'operator-token-of-the-stand-in'

/** What one connection tells before it ends, unless it stays open until it is cut. */
export interface Connection {
  readonly updates: readonly PlanUpdate[]
  readonly staysOpen?: boolean
}

/** What a seed with plans and rules shows and was asked; tests change it while it serves. */
export interface StandInPlans {
  images: Image[]
  plans: Plan[]
  nodes: PlanNode[]
  rules: PrefetchRule[]
  /** Makes the plan that is asked for; `cut` loses the answer. */
  onCreate: (request: PrefetchRequest, key: string | undefined) => Plan | 'cut'
  /** One for each time that somebody connects. */
  connections: Connection[]
  /** Cuts the last connection. */
  cut: () => void
  onWait: (query: { readyShare?: number; timeoutSeconds?: number }) => Partial<WaitResult>
  readonly created: { request: PrefetchRequest; key: string | undefined }[]
  readonly changes: { plan: string; change: PrefetchChange }[]
  /** Other calls in order, as `cancel p-1 drop`. */
  readonly calls: string[]
  readonly ruleRequests: PrefetchRuleRequest[]
}

/** A seed of whose API there are prefetch plans and rules, and the command line that talks to it. */
export async function startStandInPlans(given: Partial<StandInPlans> = {}) {
  const state: StandInPlans = {
    images: [buildImage({ id: 'id-1', name: 'debian-12' }), buildImage({ id: 'id-2', name: 'web' })],
    plans: [],
    nodes: [],
    rules: [],
    onCreate: () => buildPlan(),
    connections: [],
    cut: () => {},
    onWait: () => ({}),
    created: [],
    changes: [],
    calls: [],
    ruleRequests: [],
    ...given,
  }
  const service = await createHttpService(
    { logger: silentLogger, metrics: createMetrics({ process: false }), health: createHealth() },
    {
      name: 'stand-in',
      version: '0',
      host: '127.0.0.1',
      port: 0,
      tokens: { operator: TOKEN },
      openapi: { title: 'stand-in', description: '' },
      statusByCode: { SHOAL_IMAGE_UNKNOWN: 404, SHOAL_PLAN_UNKNOWN: 404, SHOAL_RULE_UNKNOWN: 404 },
    },
  )
  addImages(service.app, state)
  addPlans(service.app, state)
  addRules(service.app, state)
  const url = await service.start()
  return {
    url,
    state,
    shoal: (argv: readonly string[], options: CliOptions = {}) =>
      runCli([...argv, '--seed', url, '--token', TOKEN], options),
    [Symbol.asyncDispose]: () => service.stop(),
  }
}

function unknown(what: string): ShoalError {
  return new ShoalError(`SHOAL_${what}_UNKNOWN`, `There is no such ${what}.`, { hint: 'List them.' })
}

function addImages(app: HttpApp, state: StandInPlans): void {
  registerOperation(app, operations.listImages, () => ({ images: state.images, next: null }))
  registerOperation(app, operations.showImage, ({ params }) => {
    const found = state.images.find(({ id }) => id === params.image)
    if (found === undefined) throw unknown('IMAGE')
    return found
  })
}

function addPlans(app: HttpApp, state: StandInPlans): void {
  const planOf = (id: string) => {
    const found = state.plans.find((plan) => plan.id === id)
    if (found === undefined) throw unknown('PLAN')
    return found
  }
  registerOperation(app, operations.createPrefetch, ({ body, headers, reply }) => {
    const key = headers['idempotency-key']
    state.created.push({ request: body, key })
    const plan = state.onCreate(body, key)
    if (plan !== 'cut') return plan
    // The request was taken, and the answer is lost.
    reply.raw.destroy()
    return buildPlan()
  })
  registerOperation(app, operations.listPrefetches, ({ query: { after = '0', limit = 100, state: only, kind } }) => {
    const isMeant = (plan: Plan) => plan.state === (only ?? plan.state) && plan.kind === (kind ?? plan.kind)
    const all = state.plans.filter(isMeant).map(summaryOf)
    const begin = Number(after)
    const end = begin + Math.min(limit, 2)
    return { plans: all.slice(begin, end), next: end < all.length ? String(end) : null }
  })
  registerOperation(app, operations.showPrefetch, ({ params }) => planOf(params.plan))
  registerOperation(app, operations.listPrefetchNodes, ({ params, query }) => {
    planOf(params.plan)
    return { nodes: state.nodes.filter((node) => query.state === undefined || node.state === query.state), next: null }
  })
  registerOperation(app, operations.streamPrefetch, ({ params, reply, signal }) => {
    planOf(params.plan)
    state.cut = () => reply.raw.destroy()
    return stream(state.connections.shift(), signal)
  })
  registerOperation(app, operations.waitPrefetch, ({ params, query }) => {
    const plan = summaryOf(planOf(params.plan))
    // What is found by its id is asked about so.
    return query.timeoutSeconds === 0 && query.readyShare === undefined
      ? { reached: false, isEnded: false, plan }
      : { reached: false, isEnded: false, plan, ...state.onWait(query) }
  })
  registerOperation(app, operations.changePrefetch, ({ params, body }) => {
    state.changes.push({ plan: params.plan, change: body })
    return planOf(params.plan)
  })
  registerOperation(app, operations.cancelPrefetch, ({ params, query }) => {
    state.calls.push(`cancel ${params.plan}${query.drop ? ' drop' : ''}`)
    return { ...planOf(params.plan), state: 'cancelled' as const }
  })
  registerOperation(app, operations.retryPrefetch, ({ params }) => {
    state.calls.push(`retry ${params.plan}`)
    return planOf(params.plan)
  })
}

async function* stream(connection: Connection | undefined, signal: AbortSignal) {
  for (const data of connection?.updates ?? []) yield { event: 'progress', data }
  if (connection?.staysOpen) await once(signal, 'abort')
}

function addRules(app: HttpApp, state: StandInPlans): void {
  const ruleOf = (name: string) => {
    const found = state.rules.find((rule) => rule.name === name)
    if (found === undefined) throw unknown('RULE')
    return found
  }
  registerOperation(app, operations.listPrefetchRules, () => ({ rules: state.rules, next: null }))
  registerOperation(app, operations.showPrefetchRule, ({ params }) => ruleOf(params.rule))
  registerOperation(app, operations.putPrefetchRule, ({ params, body }) => {
    state.ruleRequests.push(body)
    const rule = { ...buildRule({ name: params.rule, nextAt: null }), ...body }
    state.rules = [...state.rules.filter(({ name }) => name !== params.rule), rule]
    return rule
  })
  registerOperation(app, operations.removePrefetchRule, ({ params }) => {
    ruleOf(params.rule)
    state.rules = state.rules.filter(({ name }) => name !== params.rule)
    return undefined
  })
  registerOperation(app, operations.runPrefetchRule, ({ params }) => {
    state.calls.push(`run ${params.rule}`)
    return buildPlan({ source: `rule:${ruleOf(params.rule).name}` })
  })
}
