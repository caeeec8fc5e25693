import type { Overview, TrafficPoint } from '@shoal/api'

/** Ten minutes. */
const KEPT_SECONDS = 600

type Columns = readonly [readonly number[], readonly number[], readonly number[], readonly number[]]

/** What moved lately: columns of equal length, as charts want them. Times are Unix times in seconds, rates bytes per second. */
export class TrafficHistory {
  #columns: Columns = [[], [], [], []]

  /** Takes in what the seed remembers, as far as it is not known here. */
  fill(points: readonly TrafficPoint[]): void {
    for (const { at, libraryBytesPerSecond, seedBytesPerSecond, swarmBytesPerSecond } of points) {
      this.#push([Date.parse(at) / 1000, libraryBytesPerSecond, seedBytesPerSecond, swarmBytesPerSecond])
    }
  }

  add({ at, library, seed, swarm }: Pick<Overview, 'at' | 'library' | 'seed' | 'swarm'>): void {
    const rates = [library.rateBytesPerSecond, seed.upBytesPerSecond, swarm.downBytesPerSecond]
    this.#push([Date.parse(at) / 1000, ...rates])
  }

  #push(row: readonly number[]): void {
    const [seconds = 0] = row
    // Messages that were missed come again, and some that are known come twice.
    if (seconds <= (this.#columns[0].at(-1) ?? 0)) return
    const first = this.#columns[0].findIndex((at) => at > seconds - KEPT_SECONDS)
    const kept = this.#columns.map((column) => (first < 0 ? [] : column.slice(first)))
    this.#columns = kept.map((column, index) => [...column, row[index] ?? 0]) as unknown as Columns
  }

  /** Times, library, seed, swarm: the same arrays until something is added. */
  columns(): Columns {
    return this.#columns
  }
}
