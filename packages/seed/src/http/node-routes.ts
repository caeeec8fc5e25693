import { type Enrollment, type Inventory, operations, type ToldTrust } from '@shoal/api'
import { type HttpApp, registerOperation, type StreamMessage } from '@shoal/service'
import type { BootProfiles } from '../boot-profiles/boot-profiles.ts'
import type { BootClaims } from '../boots/boot-claims.ts'
import { seedError } from '../errors.ts'
import type { FleetLimits } from '../fleet-limits.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { RackShares } from '../limits/rack-shares.ts'
import type { Assignments } from '../nodes/assignments.ts'
import { desiredState } from '../nodes/desired-state.ts'
import { layerFacts } from '../nodes/layer-facts.ts'
import type { NodeModes } from '../nodes/node-modes.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import type { Popularity } from '../nodes/popularity.ts'
import type { PushChannels } from '../nodes/push-channels.ts'
import type { Suspects } from '../nodes/suspects.ts'
import { pageOf } from './page.ts'

export interface NodeRoutesDeps {
  readonly registry: NodeRegistry
  readonly assignments: Assignments
  readonly modes: Pick<NodeModes, 'set'>
  readonly suspects: Pick<Suspects, 'note' | 'forget'>
  readonly catalogue: Catalogue
  readonly popularity: Popularity
  readonly limits: Pick<FleetLimits, 'effective'>
  readonly rackShares: Pick<RackShares, 'ofNode'>
  readonly profiles: Pick<BootProfiles, 'ofLayer'>
  readonly channels: PushChannels
  /** What a node boots is forgotten with it. */
  readonly boots: Pick<BootClaims, 'forget'>
  /** What has changed of whom and what nodes trust. */
  trust(): ToldTrust
  /** A node has told what it holds. */
  onReport(node: string, inventory: Inventory): void
  /** A node was taken out of the fleet. */
  onRemoved(node: string): void
  /** What a node is told when it registers, its reachability aside. */
  enrollment(node: string): Omit<Enrollment, 'reachable' | 'reachability'>
}

export function addNodeRoutes(app: HttpApp, deps: NodeRoutesDeps): void {
  const { registry, assignments, popularity } = deps
  const check = (node: string) => {
    if (!registry.has(node)) throw seedError('SHOAL_NODE_UNKNOWN', { node })
    return node
  }

  /** Assignments that the node has ended, of which its own events tell, and layers that it has removed as it was told to. */
  const endWhatIsOver = (node: string, { layers }: Inventory) => {
    const ended = assignments.endEvicted(node, layers)
    if (assignments.dropped(node).length === 0) return [ended]
    const holding = new Set(layers.filter(({ state }) => state !== 'evicted').map(({ digest }) => digest))
    return [ended, assignments.endDropped(node, (layer) => holding.has(layer))]
  }

  registerOperation(app, operations.registerNode, async ({ params, body, signal }) => {
    const { reachable, message } = await registry.register(params.node, body, { signal })
    return { ...deps.enrollment(params.node), reachable, reachability: message }
  })
  registerOperation(app, operations.heartbeat, async ({ params, body }) => {
    const node = check(params.node)
    const merged = registry.merge(node, body)
    const changes = merged === undefined ? [] : endWhatIsOver(node, merged.inventory)
    popularity.add(body.uses ?? [])
    await registry.heartbeat(
      node,
      body,
      changes.flatMap(({ operations: durable }) => durable),
      merged,
    )
    for (const change of changes) change.announce()
    await deps.suspects.note(node, body.events)
    const { revocations } = deps.trust()
    const told = {
      ...{ revision: assignments.revision(node), reported: registry.reported(node) },
      ...(revocations === undefined ? {} : { revocations }),
    }
    if (merged === undefined) return told
    deps.onReport(node, merged.inventory)
    const isAll = body.wantsFacts === true || merged.changes === undefined
    return { ...told, layers: layerFacts(node, isAll ? merged.inventory : body.inventory, deps) }
  })
  registerOperation(app, operations.desiredState, ({ params }) => desiredState(check(params.node), deps))
  registerOperation(app, operations.watchDesired, ({ params, signal }) =>
    messages(deps.channels.follow(params.node, assignments.watch(check(params.node), { signal }))),
  )
  registerOperation(app, operations.listNodes, ({ query }) => {
    const { entries, next } = pageOf(registry.list(), ({ id }) => id, query)
    return { nodes: entries, next }
  })
  registerOperation(app, operations.showNode, ({ params }) => {
    const node = registry.get(params.node)
    if (node === undefined) throw seedError('SHOAL_NODE_UNKNOWN', { node: params.node })
    return node
  })
  registerOperation(app, operations.setNodeMode, ({ params, body, actor }) => deps.modes.set(params.node, body, actor))
  registerOperation(app, operations.removeNode, async ({ params, actor }) => {
    const wasRefused = registry.mode(params.node).mode === 'quarantined'
    const change = assignments.forget(params.node)
    const renewed = wasRefused ? assignments.renew() : undefined
    const forgotten = [...change.operations, ...(renewed?.operations ?? []), ...deps.boots.forget(params.node)]
    await registry.remove(params.node, forgotten, actor)
    change.announce()
    renewed?.announce()
    deps.channels.forget(params.node)
    deps.suspects.forget(params.node)
    deps.onRemoved(params.node)
    return undefined
  })
}

async function* messages(revisions: AsyncIterable<number>): AsyncGenerator<StreamMessage<{ revision: number }>> {
  for await (const revision of revisions) yield { event: 'desired-state', data: { revision } }
}
