/** Longer than the page cache needs for as much as is guessed about; a disk seldom answers sooner. */
const SLOW_MS = 0.5
/** Reads that are left to the thread pool after a slow one; twice as many after each that follows. */
const FIRST_PAUSE = 32
const MAX_PAUSE = 1024
/** After so many fast ones in a row a slow one is taken for the first. */
const GOOD_RUN = 256

/**
 * Guesses, by how long the last ones took, whether a small read of a file is answered from the page cache. Then it costs a fifth of what it
 * costs to have it done by another thread; if not, it holds up this one for as long as the disk needs. A wrong guess is paid for by not guessing
 * for a while.
 */
export class PageCacheGuess {
  #pause = 0
  #nextPause = FIRST_PAUSE
  #goodRun = 0

  /** Whether the next read is to be tried on this thread; to be told of by {@link took} then. */
  next(): boolean {
    if (this.#pause === 0) return true
    this.#pause -= 1
    return false
  }

  /** A read on this thread took so long. */
  took(ms: number): void {
    if (ms < SLOW_MS) {
      this.#goodRun += 1
      if (this.#goodRun >= GOOD_RUN) this.#nextPause = FIRST_PAUSE
      return
    }
    this.#goodRun = 0
    this.#pause = this.#nextPause
    this.#nextPause = Math.min(MAX_PAUSE, this.#nextPause * 2)
  }
}
