import { operations, type PlanSummary, type PlanUpdate } from '@shoal/api'
import { type HttpApp, registerOperation, type StreamMessage } from '@shoal/service'
import type { ImageRights } from '../access/image-rights.ts'
import type { ImageLooks } from '../images/image-looks.ts'
import type { PlanReader } from '../prefetch/plan-reader.ts'
import type { PrefetchPlans } from '../prefetch/prefetch-plans.ts'
import { pageOf } from './page.ts'

const USUAL_WAIT_SECONDS = 25

export interface PrefetchRoutesDeps {
  readonly plans: PrefetchPlans
  readonly reader: PlanReader
  readonly rights: ImageRights
  readonly looks: Pick<ImageLooks, 'lookForMissing'>
}

export function addPrefetchRoutes(app: HttpApp, { plans, reader, rights, looks }: PrefetchRoutesDeps): void {
  registerOperation(app, operations.createPrefetch, async ({ body, headers, actor, request }) => {
    await rights.checkImages(request, idsOf(body.images))
    await looks.lookForMissing(idsOf(body.images))
    if (body.dryRun === true) return plans.tryOut(body)
    return plans.create(body, { source: 'api', idempotencyKey: headers['idempotency-key'], actor })
  })
  registerOperation(app, operations.listPrefetches, ({ query }) => {
    const { entries, next } = pageOf(reader.list(query), orderOf, query)
    return { plans: entries, next }
  })
  registerOperation(app, operations.showPrefetch, ({ params }) => reader.show(params.plan))
  registerOperation(app, operations.listPrefetchNodes, async ({ params, query }) => {
    const nodes = await reader.nodes(params.plan)
    const wanted = nodes.filter(({ state }) => query.state === undefined || state === query.state)
    const { entries, next } = pageOf(wanted, ({ node }) => node, query)
    return { nodes: entries, next }
  })
  registerOperation(app, operations.streamPrefetch, ({ params, signal }) => {
    reader.show(params.plan)
    return messages(reader.updates(params.plan, { signal }))
  })
  registerOperation(app, operations.waitPrefetch, ({ params, query, signal }) => {
    const { readyShare = 1, timeoutSeconds = USUAL_WAIT_SECONDS } = query
    return reader.wait(params.plan, { readyShare, timeoutMs: timeoutSeconds * 1000, signal })
  })
  registerOperation(app, operations.changePrefetch, async ({ params, body, actor, request }) => {
    await rights.checkImages(request, idsOf([...(body.images ?? []), ...reader.show(params.plan).images]))
    await looks.lookForMissing(idsOf(body.images ?? []))
    return plans.change(params.plan, body, actor)
  })
  registerOperation(app, operations.cancelPrefetch, ({ params, query, actor }) =>
    plans.cancel(params.plan, { drops: query.drop === true, actor }),
  )
  registerOperation(app, operations.retryPrefetch, async ({ params, actor, request }) => {
    await rights.checkImages(request, idsOf(reader.show(params.plan).images))
    return plans.retry(params.plan, actor)
  })
}

function idsOf(images: readonly { readonly image: string }[]): string[] {
  return images.map(({ image }) => image)
}

/** A key whose order is that of the list: the newest first. */
function orderOf({ createdAt, id }: Pick<PlanSummary, 'createdAt' | 'id'>): string {
  return `${String(1e15 - Date.parse(createdAt)).padStart(16, '0')} ${id}`
}

async function* messages(updates: AsyncIterable<PlanUpdate>): AsyncGenerator<StreamMessage<PlanUpdate>> {
  for await (const data of updates) yield { event: 'progress', data }
}
