import { type Actor, MAX_QUARANTINED_NODES, type NodeModeRequest, type NodeModeStatus } from '@shoal/api'
import { seedError } from '../errors.ts'
import type { Assignments } from './assignments.ts'
import type { NodeRegistry } from './node-registry.ts'

export interface NodeModesDeps {
  readonly registry: Pick<NodeRegistry, 'mode' | 'setMode' | 'modeCounts' | 'get'>
  readonly assignments: Pick<Assignments, 'renew' | 'renewNodes'>
  /** Hands a swarm address out no more. */
  readonly tracker: { forget(address: string): void }
}

/** Drains nodes, puts them into quarantine and lets them take part again; all of it by desired state. */
export class NodeModes {
  readonly #deps: NodeModesDeps

  constructor(deps: NodeModesDeps) {
    this.#deps = deps
  }

  /**
   * Sets a node's mode, and tells whom it concerns: of a quarantine every node. Resolves when it is durable; the same once
   * more changes nothing. Throws `SHOAL_NODE_UNKNOWN` and `SHOAL_NODE_QUARANTINE_LIMIT`.
   */
  async set(node: string, { mode, reason }: NodeModeRequest, by: Actor): Promise<NodeModeStatus> {
    const { registry, assignments, tracker } = this.#deps
    const before = registry.mode(node)
    const isSame = before.mode === mode && (reason ?? before.reason) === before.reason
    if (isSame) return before
    const isEntering = mode === 'quarantined' && before.mode !== mode
    if (isEntering && registry.modeCounts().quarantined >= MAX_QUARANTINED_NODES) {
      throw seedError('SHOAL_NODE_QUARANTINE_LIMIT', { node, limit: MAX_QUARANTINED_NODES })
    }
    const concernsAll = (mode === 'quarantined') !== (before.mode === 'quarantined')
    const change = concernsAll ? assignments.renew() : assignments.renewNodes([node])
    const kept = reason ?? (before.mode === mode ? before.reason : '')
    await registry.setMode(node, { mode, reason: kept, by }, change.operations)
    change.announce()
    const address = registry.get(node)?.swarmAddress
    // It is in the tracker's answers until it announces again, which it does as one that is no source.
    if (isEntering && address !== undefined) tracker.forget(address)
    return registry.mode(node)
  }
}
