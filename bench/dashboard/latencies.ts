/** Times of one kind of request, in milliseconds, and how many failed. */
export interface LatencyFigures {
  readonly count: number
  readonly failed: number
  readonly p50: number
  readonly p99: number
  readonly worst: number
}

export type LatencyReport = Readonly<Record<string, LatencyFigures>>

/** How long requests took, by kind. */
export class Latencies {
  readonly #times = new Map<string, number[]>()
  readonly #failed = new Map<string, number>()

  /** What the request gives; undefined when it failed, which is counted. */
  time<T>(kind: string, request: () => Promise<T>): Promise<T | undefined> {
    return this.measure(kind, request).catch(() => undefined)
  }

  /** The same, but it fails as the request does. */
  async measure<T>(kind: string, request: () => Promise<T>): Promise<T> {
    const begin = performance.now()
    try {
      const answer = await request()
      const times = this.#times.get(kind) ?? []
      this.#times.set(kind, times)
      times.push(performance.now() - begin)
      return answer
    } catch (error) {
      this.#failed.set(kind, (this.#failed.get(kind) ?? 0) + 1)
      throw error
    }
  }

  /** Figures since they were taken last. */
  take(): LatencyReport {
    const kinds = [...new Set([...this.#times.keys(), ...this.#failed.keys()])]
    const report = Object.fromEntries(
      kinds.map((kind) => {
        const times = (this.#times.get(kind) ?? []).sort((a, b) => a - b)
        const at = (share: number) => times[Math.min(times.length - 1, Math.floor(share * times.length))] ?? 0
        const figures = { p50: at(0.5), p99: at(0.99), worst: times.at(-1) ?? 0 }
        return [kind, { count: times.length, failed: this.#failed.get(kind) ?? 0, ...figures }]
      }),
    )
    this.#times.clear()
    this.#failed.clear()
    return report
  }
}
