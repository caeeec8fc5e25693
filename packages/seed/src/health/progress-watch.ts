/** Since when things that should get on do not. */
export class ProgressWatch {
  readonly #seen = new Map<string, { amount: number; since: number }>()

  /** Takes in how far something is; nothing of it is left to do when `amount` is undefined. Times are Unix times in milliseconds. */
  note(name: string, amount: number | undefined, now: number): void {
    if (amount === undefined) {
      this.#seen.delete(name)
      return
    }
    const before = this.#seen.get(name)
    if (before?.amount !== amount) this.#seen.set(name, { amount, since: now })
  }

  forget(name: string): void {
    this.#seen.delete(name)
  }

  /** When it last got on. Undefined: it is done, or nothing is known of it. */
  since(name: string): number | undefined {
    return this.#seen.get(name)?.since
  }
}
