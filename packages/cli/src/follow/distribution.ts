import type { Layer, LayerInventory, Node } from '@shoal/api'
import type { CommandContext } from '../context.ts'
import type { Progress } from '../format/progress.ts'
import { readAll } from '../page-reader.ts'
import { shortDigest } from '../resolve/layer.ts'
import { poll } from './poll.ts'
import { createRateWindow } from './rate-window.ts'

/** How far a layer is on the nodes it is assigned to. */
export interface Distribution {
  readonly layer: string
  readonly nodes: number
  readonly complete: number
  /** Nodes that gave the layer up, by name. */
  readonly failed: readonly string[]
  /** Nodes that no longer send heartbeats and do not have it whole, by name. */
  readonly lost: readonly string[]
  /** Nodes that had to make room, which ended their assignment, by name. */
  readonly evicted: readonly string[]
  /** Nodes that do not have it whole and that it is no longer assigned to, by name. */
  readonly unassigned: readonly string[]
  readonly presentBytes: number
  readonly totalBytes: number
  readonly rateBytesPerSecond: number
  readonly seedCopies: number
}

/** When the layer was assigned to each node, by name. */
export type AssignmentTimes = ReadonlyMap<string, string>

/** Whether nothing more will happen by itself: every node has the layer, gave it up, is lost or shall not have it any more. */
export function distributionEnded({ nodes, complete, failed, lost, evicted, unassigned }: Distribution): boolean {
  return complete + failed.length + lost.length + evicted.length + unassigned.length >= nodes
}

/**
 * Waits until a layer is on all of the nodes (those it is assigned to, when none are named), and shows how far it is;
 * `onChange` gets every state that differs.
 */
export async function followDistribution(
  context: CommandContext,
  options: { layer: string; label?: string; nodes?: readonly string[]; onChange?: (state: Distribution) => void },
): Promise<Distribution> {
  const progress = context.output.progress()
  const rate = createRateWindow()
  let last: Distribution | undefined
  // A node that loses its assignment while it is watched goes on being told of.
  const names = new Set(options.nodes)
  const evicted = new Set<string>()
  const ask = async () => {
    const assigned = await readAssigned(context, options.layer)
    if (options.nodes === undefined) for (const name of assigned.keys()) names.add(name)
    const state = recall(await readDistribution(context, { layer: options.layer, names, assigned }), evicted)
    return { ...state, rateBytesPerSecond: rate(context.clock.now(), state.presentBytes) }
  }
  try {
    for await (const state of poll(context, ask, distributionEnded)) {
      if (JSON.stringify(state) !== JSON.stringify(last)) options.onChange?.(state)
      show(progress, state, options.label ?? shortDigest(options.layer))
      last = state
    }
  } finally {
    progress.stop()
  }
  if (last === undefined) throw new TypeError('polling ended without an answer')
  return last
}

/** The state of a distribution from what the seed knows of layer, nodes and assignments. */
export function summarize(layer: Layer, nodes: readonly Node[], assigned: AssignmentTimes): Distribution {
  let complete = 0
  let presentBytes = 0
  const failed: string[] = []
  const lost: string[] = []
  const evicted: string[] = []
  const unassigned: string[] = []
  for (const node of nodes) {
    const held = node.inventory?.layers.find(({ digest }) => digest === layer.digest)
    presentBytes += held?.presentBytes ?? 0
    if (held?.state === 'complete') complete += 1
    else if (node.state === 'lost') lost.push(node.id)
    else if (held?.state === 'evicted' && isEnded(held, assigned.get(node.id))) evicted.push(node.id)
    else if (!assigned.has(node.id)) unassigned.push(node.id)
    else if (held?.state === 'failed') failed.push(node.id)
  }
  return {
    layer: layer.digest,
    nodes: nodes.length,
    complete,
    failed,
    lost,
    evicted,
    unassigned,
    presentBytes,
    totalBytes: layer.sizeBytes * nodes.length,
    rateBytesPerSecond: 0,
    seedCopies: layer.seedCopies,
  }
}

/** A node speaks of an eviction until the assignment has ended, and no longer: what was heard once is remembered. */
function recall(state: Distribution, evictedBefore: Set<string>): Distribution {
  for (const name of state.evicted) evictedBefore.add(name)
  return {
    ...state,
    evicted: [...state.evicted, ...state.unassigned.filter((name) => evictedBefore.has(name))],
    unassigned: state.unassigned.filter((name) => !evictedBefore.has(name)),
  }
}

/** A node that was just assigned a layer anew may not have been heard of since it evicted it. */
function isEnded({ evictedAssignment }: LayerInventory, assignedAt: string | undefined): boolean {
  return assignedAt === undefined || evictedAssignment === undefined || assignedAt === evictedAssignment
}

async function readDistribution(
  { client, signal }: CommandContext,
  { layer, names, assigned }: { layer: string; names: ReadonlySet<string>; assigned: AssignmentTimes },
): Promise<Distribution> {
  const nodes = await readAll(
    (query) => client.listNodes({ query, signal }),
    (page) => page.nodes.filter(({ id }) => names.has(id)),
  )
  // Asked last, so that its seed copies are never older than the nodes' bytes.
  return summarize(await client.showLayer({ params: { layer }, signal }), nodes, assigned)
}

async function readAssigned({ client, signal }: CommandContext, layer: string): Promise<AssignmentTimes> {
  const assignments = await readAll(
    (query) => client.listAssignments({ query: { ...query, layer }, signal }),
    (page) => page.assignments,
  )
  return new Map(assignments.map(({ node, createdAt }) => [node, createdAt]))
}

function show(progress: Progress, state: Distribution, label: string): void {
  if (state.nodes === 0) return
  const trouble = [
    state.failed.length > 0 ? `, ${state.failed.length} failed` : '',
    state.lost.length > 0 ? `, ${state.lost.length} lost` : '',
    state.evicted.length > 0 ? `, ${state.evicted.length} evicted` : '',
    state.unassigned.length > 0 ? `, ${state.unassigned.length} no longer assigned` : '',
  ].join('')
  progress.update({
    label,
    doneBytes: state.presentBytes,
    totalBytes: state.totalBytes,
    rateBytesPerSecond: state.rateBytesPerSecond,
    note: `on ${state.complete} of ${state.nodes} nodes${trouble}`,
  })
}
