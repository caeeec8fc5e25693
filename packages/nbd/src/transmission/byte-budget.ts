/**
 * Bytes that accounts share. Each account has some of its own beside them, so that none stands still because of what others hold: the
 * reply of a block that is not there yet is held for long, and so is one that its client does not read. Those who wait are served in the
 * order of their coming.
 */
export class ByteBudget {
  readonly #sharedBytes: number
  readonly #ownBytes: number
  readonly #waiting = new Set<ByteAccount>()
  #usedSharedBytes = 0
  #isWaking = false

  constructor(options: { sharedBytes: number; ownBytes: number }) {
    this.#sharedBytes = options.sharedBytes
    this.#ownBytes = options.ownBytes
  }

  get usedSharedBytes(): number {
    return this.#usedSharedBytes
  }

  /** Opens an account; `onFree` is called after a take that failed, when it may succeed: it takes then, or leaves. */
  open(onFree: () => void): ByteAccount {
    return new ByteAccount(this, onFree)
  }

  /** For accounts: what {@link ByteAccount.tryTake} does. */
  take(account: ByteAccount, bytes: number): boolean {
    const added = this.#shared(account.usedBytes + bytes) - this.#shared(account.usedBytes)
    if (added > 0 && !this.#isFree(account, added)) {
      this.#waiting.add(account)
      return false
    }
    this.#usedSharedBytes += added
    this.leave(account)
    return true
  }

  /** For accounts: what {@link ByteAccount.give} does. */
  give(account: ByteAccount, bytes: number): void {
    this.#usedSharedBytes -= this.#shared(account.usedBytes) - this.#shared(account.usedBytes - bytes)
  }

  /** For accounts: what {@link ByteAccount.leave} does. */
  leave(account: ByteAccount): void {
    if (this.#waiting.delete(account)) this.wake()
  }

  /** For accounts: lets the first of those who wait try again, and after it the next, as long as they succeed. */
  wake(): void {
    if (this.#isWaking) return
    this.#isWaking = true
    for (const account of this.#waiting) {
      account.onFree()
      if (this.#waiting.has(account)) break
    }
    this.#isWaking = false
  }

  #shared(usedBytes: number): number {
    return Math.max(0, usedBytes - this.#ownBytes)
  }

  #isFree(account: ByteAccount, bytes: number): boolean {
    const [first = account] = this.#waiting
    if (first !== account) return false
    // What is more than all there is passes alone.
    return this.#usedSharedBytes + bytes <= this.#sharedBytes || this.#usedSharedBytes === 0
  }
}

/** What one connection holds of a {@link ByteBudget}. */
export class ByteAccount {
  readonly onFree: () => void
  readonly #budget: ByteBudget
  #usedBytes = 0

  constructor(budget: ByteBudget, onFree: () => void) {
    this.#budget = budget
    this.onFree = onFree
  }

  get usedBytes(): number {
    return this.#usedBytes
  }

  /** Takes all or nothing. When nothing, the account waits in the queue until it takes again, or leaves. */
  tryTake(bytes: number): boolean {
    if (!this.#budget.take(this, bytes)) return false
    this.#usedBytes += bytes
    return true
  }

  give(bytes: number): void {
    this.#budget.give(this, bytes)
    this.#usedBytes -= bytes
    this.#budget.wake()
  }

  /** Waits no more. */
  leave(): void {
    this.#budget.leave(this)
  }
}
