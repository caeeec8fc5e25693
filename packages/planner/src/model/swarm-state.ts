import type { FleetTable } from '../fleet-table.ts'
import { type Cohort, heldOfPart, partBytes, type Stage } from './cohort.ts'

/** Less than this is a rounding error, not a byte that is lacking. */
const NOTHING_BYTES = 1e-3

/** What each cohort has of each part, and what it does next. Times are seconds since the model began. */
export class SwarmState {
  readonly cohorts: readonly Cohort[]
  /** How many there are: two of each layer. */
  readonly parts: number
  readonly #partBytes: Float64Array
  /** By part, then by cohort: what its poorest node has. */
  readonly #got: Float64Array
  /** By part, then by cohort: what its nodes lack on average, of what the poorest lacks. */
  readonly #share: Float64Array
  /** By part, then by cohort: of its nodes, those that had all of it from the beginning. */
  readonly #richShare: Float64Array
  readonly #doneAt: Float64Array
  readonly #next: Int32Array
  /** By cohort: the first stage that is not done, which is that at `#next`. */
  readonly #first: (Stage | undefined)[]
  readonly #isAlive: Uint8Array
  readonly #startsAt: Float64Array

  constructor(table: FleetTable, cohorts: readonly Cohort[], startsAt: (cohort: number) => number) {
    this.cohorts = cohorts
    this.parts = 2 * table.layers.length
    this.#partBytes = Float64Array.from({ length: this.parts }, (_, part) => partBytes(table, part))
    this.#got = new Float64Array(cohorts.length * this.parts)
    this.#share = new Float64Array(this.#got.length)
    this.#richShare = new Float64Array(this.#got.length)
    this.#doneAt = new Float64Array(this.#got.length).fill(Number.NaN)
    this.#next = new Int32Array(cohorts.length)
    this.#isAlive = Uint8Array.from(cohorts, ({ nodes }) => (nodes.every((node) => table.isAlive(node)) ? 1 : 0))
    this.#startsAt = Float64Array.from(cohorts, (_, cohort) => startsAt(cohort))
    for (let part = 0; part < this.parts; part += 1) {
      for (const [cohort, { nodes }] of cohorts.entries())
        this.#begin(this.#index(cohort, part), part, { table, nodes })
    }
    this.#first = cohorts.map((_, cohort) => this.#findFirst(cohort))
  }

  #begin(index: number, part: number, { table, nodes }: { table: FleetTable; nodes: readonly number[] }): void {
    const bytes = this.bytesOf(part)
    let [least, lacking, rich] = [bytes, 0, 0]
    for (const node of nodes) {
      const held = heldOfPart(table, part, node)
      least = Math.min(least, held)
      lacking += bytes - held
      if (held >= bytes) rich += 1
    }
    this.#got[index] = least
    this.#share[index] = lacking === 0 ? 0 : lacking / (nodes.length * (bytes - least))
    this.#richShare[index] = rich / nodes.length
    if (lacking === 0) this.#doneAt[index] = Number.NEGATIVE_INFINITY
  }

  bytesOf(part: number): number {
    return this.#partBytes[part] ?? 0
  }

  got(cohort: number, part: number): number {
    return this.#got[this.#index(cohort, part)] ?? 0
  }

  lacking(cohort: number, part: number): number {
    return this.bytesOf(part) - this.got(cohort, part)
  }

  /** Bytes that each node of a cohort receives on average while its poorest receives one. */
  share(cohort: number, part: number): number {
    return this.#share[this.#index(cohort, part)] ?? 0
  }

  /** NaN: not yet. -Infinity: from the beginning. */
  doneAt(cohort: number, part: number): number {
    return this.#doneAt[this.#index(cohort, part)] ?? Number.NaN
  }

  isComplete(cohort: number, part: number): boolean {
    return this.got(cohort, part) >= this.bytesOf(part)
  }

  /** Of its nodes, those that had all of a part from the beginning. */
  richShare(cohort: number, part: number): number {
    return this.#richShare[this.#index(cohort, part)] ?? 0
  }

  /** The most that any living cohort has of a part. */
  mostGot(part: number): number {
    let most = 0
    for (const cohort of this.cohorts.keys()) if (this.isAlive(cohort)) most = Math.max(most, this.got(cohort, part))
    return most
  }

  isAlive(cohort: number): boolean {
    return this.#isAlive[cohort] === 1
  }

  /** What a node has on its disk is still there when it returns. */
  setAlive(cohort: number, isAlive: boolean, startsAt: number): void {
    this.#isAlive[cohort] = isAlive ? 1 : 0
    this.#startsAt[cohort] = startsAt
  }

  startsAt(cohort: number): number {
    return this.#startsAt[cohort] ?? 0
  }

  /** Adds what the poorest node received, the last of it `at`, and says whether it now has all. */
  receive(cohort: number, part: number, { bytes, at }: { bytes: number; at: number }): boolean {
    const index = this.#index(cohort, part)
    const got = (this.#got[index] ?? 0) + bytes
    const isDone = got >= this.bytesOf(part) - NOTHING_BYTES
    this.#got[index] = isDone ? this.bytesOf(part) : got
    if (isDone) {
      this.#doneAt[index] = at
      if (this.#first[cohort]?.part === part) this.#first[cohort] = this.#findFirst(cohort)
    }
    return isDone
  }

  /** The first stage that is not done, may begin and of whose part more can be had than it has. */
  stageOf(cohort: number, now: number, offered: Float64Array): Stage | undefined {
    if (this.#isAlive[cohort] === 0 || this.startsAt(cohort) > now) return undefined
    const first = this.#first[cohort]
    if (first === undefined || this.#canFetch(cohort, first, { now, offered })) return first
    const stages = this.cohorts[cohort]?.stages ?? []
    for (let next = (this.#next[cohort] ?? 0) + 1; next < stages.length; next += 1) {
      const stage = stages[next]
      if (stage === undefined || this.isComplete(cohort, stage.part)) continue
      if (this.#canFetch(cohort, stage, { now, offered })) return stage
    }
    return undefined
  }

  #findFirst(cohort: number): Stage | undefined {
    const stages = this.cohorts[cohort]?.stages ?? []
    let next = this.#next[cohort] ?? 0
    while (next < stages.length && this.isComplete(cohort, stages[next]?.part ?? 0)) next += 1
    this.#next[cohort] = next
    return stages[next]
  }

  #canFetch(
    cohort: number,
    { part, notBefore }: Stage,
    { now, offered }: { now: number; offered: Float64Array },
  ): boolean {
    const most = offered[part] ?? 0
    return notBefore <= now && (most === Number.POSITIVE_INFINITY || most > this.got(cohort, part))
  }

  /** Groups fetch one part in order of cohorts, so that what is used together lies together. */
  #index(cohort: number, part: number): number {
    return part * this.cohorts.length + cohort
  }
}
