import type { FleetProgress } from './fleet-progress.ts'
import type { Presence } from './node-progress.ts'
import type { PlanNews } from './plan-book.ts'
import type { FleetMoment } from './running-plan.ts'

const NODES_NAMED = 20

/** Watches which nodes of a plan are there, and says which the plan goes on without and which are back. */
export class PresenceWatch {
  readonly #progress: FleetProgress
  /** Those that the plan goes on without; one that is back may have got the rest before it is looked at. */
  readonly #excluded = new Set<string>()

  constructor(progress: FleetProgress) {
    this.#progress = progress
  }

  look(moment: FleetMoment): PlanNews[] {
    const [excluded, returned]: [string[], string[]] = [[], []]
    for (const [node, row] of this.#progress.rows) {
      const presence = presenceOf(node, moment)
      const before = this.#progress.setPresence(node, presence)
      if (before === undefined) continue
      if (presence === 'excluded' && row.state !== 'ready') {
        this.#excluded.add(node)
        excluded.push(node)
      } else if (presence !== 'excluded' && this.#excluded.delete(node)) returned.push(node)
    }
    return [
      ...news('plan.nodes-excluded', excluded, 'away for too long; the plan goes on without'),
      ...news('plan.nodes-returned', returned, 'back and taken up again'),
    ]
  }
}

function presenceOf(node: string, { nodes, isHere }: FleetMoment): Presence {
  const known = nodes.get(node)
  if (known === undefined || !isHere(known)) return 'excluded'
  if (known.state === 'lost') return 'lost'
  return known.state === 'unreachable' ? 'unreachable' : 'here'
}

function news(type: PlanNews['type'], nodes: readonly string[], what: string): PlanNews[] {
  const [first] = nodes
  if (first === undefined) return []
  const who = nodes.length === 1 ? `Node ${first} is` : `${nodes.length} nodes are`
  return [{ type, message: `${who} ${what}.`, details: { count: nodes.length, nodes: nodes.slice(0, NODES_NAMED) } }]
}
