import { MAX_QUARANTINED_NODES, type NodeEvent, type NodeModeStatus } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { Suspect } from '../health/fleet-facts.ts'
import type { NodeModes } from './node-modes.ts'
import type { NodeRegistry } from './node-registry.ts'

export interface SuspectsDeps {
  readonly registry: Pick<NodeRegistry, 'nodeAt' | 'mode' | 'has' | 'modeCounts'>
  readonly modes: Pick<NodeModes, 'set'>
  readonly clock: Pick<Clock, 'now'>
}

export interface SuspectsOptions {
  /** So many nodes must have got bad blocks from it. */
  readonly reporters: number
  /** Within this time. */
  readonly windowMs: number
  /** Whether it is put into quarantine then, or only told of. */
  readonly quarantine: boolean
}

const MAX_REPORTERS_KEPT = 100
/** Without an operator no more of the fleet is put away than this: it may be the reports that are wrong. */
const MOST_SHARE = 0.05

/** Watches for nodes that send bad blocks to many others. What it has heard is gone with a restart. */
export class Suspects {
  readonly #deps: SuspectsDeps
  readonly #options: SuspectsOptions
  /** By node that is accused: who said so, and when last. Unix times in milliseconds. */
  readonly #accused = new Map<string, Map<string, number>>()

  constructor(deps: SuspectsDeps, options: SuspectsOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Takes in what a node tells; puts those that it accuses into quarantine if that is asked for and enough others do. */
  async note(reporter: string, events: readonly NodeEvent[]): Promise<void> {
    const { clock } = this.#deps
    const accused = new Set<string>()
    for (const { type, details } of events) {
      if (type !== 'peer.banned') continue
      const node = this.#accusedBy(details)
      if (node === undefined || node === reporter) continue
      accused.add(node)
      const reporters = this.#accused.get(node) ?? new Map<string, number>()
      this.#accused.set(node, reporters)
      reporters.delete(reporter)
      reporters.set(reporter, clock.now())
      const [oldest] = reporters.keys()
      if (reporters.size > MAX_REPORTERS_KEPT && oldest !== undefined) reporters.delete(oldest)
    }
    if (this.#options.quarantine) for (const node of accused) await this.#quarantine(node)
  }

  /** Nodes that enough others accuse and that are not in quarantine, by name. */
  list(): Suspect[] {
    return [...this.#accused.keys()].sort().flatMap((node) => this.#suspect(node) ?? [])
  }

  /** A node was taken out of the fleet. */
  forget(node: string): void {
    this.#accused.delete(node)
    for (const reporters of this.#accused.values()) reporters.delete(node)
  }

  /** A name that a certificate proved counts wherever the connection came from; another only with an address of that node. */
  #accusedBy({ address, node, proven }: NodeEvent['details']): string | undefined {
    const { registry } = this.#deps
    const name = String(node ?? '')
    if (proven === true) return registry.has(name) ? name : undefined
    return registry.nodeAt(String(address ?? ''), name)
  }

  #suspect(node: string): Suspect | undefined {
    const { registry } = this.#deps
    const mode = registry.has(node) ? registry.mode(node) : undefined
    if (mode === undefined || mode.mode === 'quarantined') return undefined
    const reporters = this.#reportersOf(node, mode)
    return reporters >= this.#options.reporters ? { node, reporters } : undefined
  }

  /** What was said before an operator let it take part again is settled. */
  #reportersOf(node: string, { since }: NodeModeStatus): number {
    const { clock } = this.#deps
    const from = Math.max(clock.now() - this.#options.windowMs, since === null ? 0 : Date.parse(since))
    let count = 0
    for (const at of this.#accused.get(node)?.values() ?? []) if (at > from) count += 1
    return count
  }

  async #quarantine(node: string): Promise<void> {
    const { registry, modes } = this.#deps
    const suspect = this.#suspect(node)
    if (suspect === undefined) return
    const { active, draining, quarantined } = registry.modeCounts()
    const share = Math.floor((active + draining + quarantined) * MOST_SHARE)
    const most = Math.min(MAX_QUARANTINED_NODES, Math.max(1, share))
    if (quarantined >= most) return
    const reason = `${suspect.reporters} nodes got bad blocks from it.`
    await modes.set(node, { mode: 'quarantined', reason }, 'seed')
  }
}
