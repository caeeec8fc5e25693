import type { PlanLimits } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { NodeProgress } from './node-progress.ts'
import { rateShares } from './rate-shares.ts'

/** Shares are divided anew this often, and a node is told of its own when it differs by so much: each change is a message. */
const INTERVAL_MS = 2000
const NOTABLE_SHARE = 0.05

/** What each node of a plan may receive, divided anew as nodes become ready or use less. */
export class ShareKeeper {
  readonly #clock: Pick<Clock, 'elapsed'>
  #shares: ReadonlyMap<string, number> | null = null
  #dividedAt = Number.NEGATIVE_INFINITY
  #key = ''

  constructor(clock: Pick<Clock, 'elapsed'>) {
    this.#clock = clock
  }

  /** Null: the plan has no limit. Bytes per second by node; one that is not named has to wait. */
  shares(limits: Required<PlanLimits>, rows: ReadonlyMap<string, NodeProgress>): ReadonlyMap<string, number> | null {
    const now = this.#clock.elapsed()
    const key = JSON.stringify(limits)
    if (key === this.#key && now - this.#dividedAt < INTERVAL_MS) return this.#shares
    const isSameLimit = key === this.#key
    this.#key = key
    this.#dividedAt = now
    const nodes = [...rows].flatMap(([node, row]) => {
      const takesPart = row.state === 'waiting' || row.state === 'fetching'
      return takesPart ? [{ node, bytesPerSecond: row.bytesPerSecond }] : []
    })
    const divided = rateShares(limits, nodes, this.#shares ?? new Map())
    this.#shares = divided === null || !isSameLimit ? divided : this.#settled(divided, limits.bytesPerSecond)
    return this.#shares
  }

  /** What a node may receive by the plan now; null: no limit. Bytes per second. */
  limitOf(node: string): number | null {
    return this.#shares === null ? null : (this.#shares.get(node) ?? 0)
  }

  /** The shares before, where they differ little and together are not more than the limit. */
  #settled(divided: ReadonlyMap<string, number>, limit: number | null): ReadonlyMap<string, number> {
    const before = this.#shares
    if (before === null) return divided
    const settled = new Map<string, number>()
    let sum = 0
    for (const [node, share] of divided) {
      const had = before.get(node)
      const isNotable = had === undefined || Math.abs(share - had) > had * NOTABLE_SHARE
      settled.set(node, isNotable ? share : had)
      sum += settled.get(node) ?? 0
    }
    return limit !== null && sum > limit ? divided : settled
  }
}
