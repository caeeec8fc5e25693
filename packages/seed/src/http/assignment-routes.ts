import { type Actor, type Assignment, type AssignRequest, DEFAULT_PRIORITY, operations } from '@shoal/api'
import { parseDigest } from '@shoal/core'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { ImageRights } from '../access/image-rights.ts'
import { seedError } from '../errors.ts'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { Assignments, AssignmentTerms } from '../nodes/assignments.ts'
import type { NodeRegistry } from '../nodes/node-registry.ts'
import { pageOf } from './page.ts'

export interface AssignmentRoutesDeps {
  readonly registry: NodeRegistry
  readonly assignments: Assignments
  readonly catalogue: Catalogue
  readonly journal: EventJournal
  readonly rights: ImageRights
}

const NODES_IN_EVENT = 20
const LAST_YEAR = 9999

export function addAssignmentRoutes(app: HttpApp, deps: AssignmentRoutesDeps): void {
  const { registry, assignments, catalogue, journal, rights } = deps

  registerOperation(app, operations.assign, async ({ body, actor, request }) => {
    const layer = parseDigest(body.layer)
    await rights.checkLayer(request, layer)
    const record = catalogue.layer(layer)
    if (record === undefined) throw seedError('SHOAL_LAYER_UNKNOWN', { layer })
    if (record.state === 'withdrawn') throw seedError('SHOAL_LAYER_WITHDRAWN', { layer })
    const { assigned, unknown, inactive } = selectNodes(body, registry)
    const terms = termsOf(body)
    // A middle is of no use without its base, which is to be there first.
    const base = record.parent === null ? undefined : assignments.assignBase(record.parent, assigned, terms)
    const change = assignments.assign(layer, assigned, terms)
    const operations = [...(base?.operations ?? []), ...change.operations]
    await journal.append(tell('layer.assigned', layer, assigned, actor), operations)
    base?.announce()
    change.announce()
    return { assigned, unknown, ...(inactive.length > 0 && { inactive }) }
  })
  registerOperation(app, operations.listAssignments, ({ query }) => {
    const keyOf = ({ node, layer }: Assignment) => `${node} ${layer}`
    const sorted = assignments.list(query).sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))
    const { entries, next } = pageOf(sorted, keyOf, query)
    return { assignments: entries, next }
  })
  registerOperation(app, operations.unassign, async ({ body, actor }) => {
    const layer = parseDigest(body.layer)
    const change = assignments.unassign(layer, body.nodes)
    await journal.append(tell('layer.unassigned', layer, change.removed, actor), change.operations)
    change.announce()
    return { removed: change.removed.length }
  })
}

function termsOf({ priority = DEFAULT_PRIORITY, pinnedUntil: text }: AssignRequest): AssignmentTerms {
  if (text === undefined) return { priority, pinnedUntil: null }
  const at = new Date(text)
  // The format has leap seconds, which a clock does not, and in another zone the last year may be over.
  const isTime = at.getUTCFullYear() <= LAST_YEAR
  if (!isTime) throw seedError('SHOAL_ASSIGNMENT_TIME', { time: text })
  // In one form, whatever its zone: what is the same already is no change.
  return { priority, pinnedUntil: at.toISOString() }
}

/** The nodes that a request means: named ones or all, narrowed by zone and rack; those that are not active are passed over. */
function selectNodes(
  request: AssignRequest,
  registry: NodeRegistry,
): { assigned: string[]; unknown: string[]; inactive: string[] } {
  const { nodes, all, zone, rack } = request
  if (nodes === undefined && all === undefined && zone === undefined && rack === undefined) {
    throw seedError('SHOAL_ASSIGNMENT_TARGETS')
  }
  const named = new Set(nodes)
  const selected = registry
    .list()
    .filter((node) => nodes === undefined || named.has(node.id))
    .filter((node) => (zone === undefined || node.zone === zone) && (rack === undefined || node.rack === rack))
    .map(({ id }) => id)
  return {
    assigned: selected.filter((node) => registry.isActive(node)),
    unknown: [...named].filter((node) => !registry.has(node)),
    inactive: selected.filter((node) => !registry.isActive(node)),
  }
}

/** One event a request, however many nodes: a thousand of them would push everything else out of the journal. */
function tell(
  type: 'layer.assigned' | 'layer.unassigned',
  layer: string,
  nodes: readonly string[],
  actor: Actor,
): EventDraft[] {
  const [first] = nodes
  if (first === undefined) return []
  const details = { count: nodes.length, nodes: nodes.slice(0, NODES_IN_EVENT) }
  const where = nodes.length === 1 ? `node ${first}` : `${nodes.length} nodes`
  const message = type === 'layer.assigned' ? `The layer is assigned to ${where}.` : `The layer is taken from ${where}.`
  return [{ type, actor, layer, message, details, ...(nodes.length === 1 ? { node: first } : {}) }]
}
