import type { Layer, Node } from '@shoal/api'
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
  readonly presentBytes: number
  readonly totalBytes: number
  readonly rateBytesPerSecond: number
  readonly seedCopies: number
}

/** Whether nothing more will happen by itself: every node has the layer, gave it up or is lost. */
export function distributionEnded({ nodes, complete, failed, lost }: Distribution): boolean {
  return complete + failed.length + lost.length >= nodes
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
  const ask = async () => {
    const state = await readDistribution(context, options)
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

/** The state of a distribution from what the seed knows of layer and nodes. */
export function summarize(layer: Layer, nodes: readonly Node[]): Distribution {
  let complete = 0
  let presentBytes = 0
  const failed: string[] = []
  const lost: string[] = []
  for (const node of nodes) {
    const held = node.inventory?.layers.find(({ digest }) => digest === layer.digest)
    presentBytes += held?.presentBytes ?? 0
    if (held?.state === 'complete') complete += 1
    else if (node.state === 'lost') lost.push(node.id)
    else if (held?.state === 'failed') failed.push(node.id)
  }
  return {
    layer: layer.digest,
    nodes: nodes.length,
    complete,
    failed,
    lost,
    presentBytes,
    totalBytes: layer.sizeBytes * nodes.length,
    rateBytesPerSecond: 0,
    seedCopies: layer.seedCopies,
  }
}

async function readDistribution(
  { client, signal }: CommandContext,
  options: { layer: string; nodes?: readonly string[] },
): Promise<Distribution> {
  const names = new Set(options.nodes ?? (await readAssigned({ client, signal }, options.layer)))
  const nodes = await readAll(
    (query) => client.listNodes({ query, signal }),
    (page) => page.nodes.filter(({ id }) => names.has(id)),
  )
  // Asked last, so that its seed copies are never older than the nodes' bytes.
  return summarize(await client.showLayer({ params: { layer: options.layer }, signal }), nodes)
}

function readAssigned({ client, signal }: Pick<CommandContext, 'client' | 'signal'>, layer: string): Promise<string[]> {
  return readAll(
    (query) => client.listAssignments({ query: { ...query, layer }, signal }),
    (page) => page.assignments.map(({ node }) => node),
  )
}

function show(progress: Progress, state: Distribution, label: string): void {
  if (state.nodes === 0) return
  const trouble = [
    state.failed.length > 0 ? `, ${state.failed.length} failed` : '',
    state.lost.length > 0 ? `, ${state.lost.length} lost` : '',
  ].join('')
  progress.update({
    label,
    doneBytes: state.presentBytes,
    totalBytes: state.totalBytes,
    rateBytesPerSecond: state.rateBytesPerSecond,
    note: `on ${state.complete} of ${state.nodes} nodes${trouble}`,
  })
}
