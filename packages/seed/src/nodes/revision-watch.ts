/** Lets nodes wait for the next change of what they should hold. */
export class RevisionWatch {
  readonly #waiting = new Map<string, Set<() => void>>()

  wake(nodes: Iterable<string>): void {
    for (const node of nodes) for (const wake of [...(this.#waiting.get(node) ?? [])]) wake()
  }

  wakeAll(): void {
    this.wake([...this.#waiting.keys()])
  }

  /** A node's revision at once, and after every change, until the signal aborts. */
  async *revisions(node: string, current: () => number, { signal }: { signal: AbortSignal }): AsyncGenerator<number> {
    let told = -1
    while (!signal.aborted) {
      const revision = current()
      if (revision === told) await this.#changed(node, signal)
      else yield revision
      told = revision
    }
  }

  #changed(node: string, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(node) ?? new Set()
      this.#waiting.set(node, waiting)
      const done = () => {
        waiting.delete(done)
        if (waiting.size === 0 && this.#waiting.get(node) === waiting) this.#waiting.delete(node)
        signal.removeEventListener('abort', done)
        resolve()
      }
      waiting.add(done)
      signal.addEventListener('abort', done, { once: true })
    })
  }
}
