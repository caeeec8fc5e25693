/** One job of a block thread: check the bytes' SHA-256, then write them. */
export interface BlockJob {
  readonly fd: number
  /** Where the bytes are in the memory of the block buffers. */
  readonly byteOffset: number
  readonly length: number
  /** Where they belong in the file. */
  readonly position: number
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array
}

/** What became of a job: one of these, or a system error's number, which is negative. */
export const BLOCK_WRITTEN = 0
export const BLOCK_MISMATCH = 1

const CAPACITY = 256
/** Results that are told of together. */
const TELL_AT_ONCE = 4
/** Words of the header, each written by one side. */
const SUBMITTED = 0
const FINISHED = 1
const IS_TOLD = 2
const HEADER_BYTES = 64
/** fd, length and result as words; offset and position as doubles at 16; the hash at 32. */
const JOB_BYTES = 64

/**
 * Jobs in shared memory, from the one thread that pushes to the one that runs them, in order. Filling and emptying it costs no
 * message: the runner sleeps on a word, and tells that it finished only if it was not said before and not yet heard.
 */
export class BlockJobRing {
  readonly memory: SharedArrayBuffer
  readonly #words: Int32Array
  readonly #doubles: Float64Array
  readonly #bytes: Uint8Array
  /** Jobs pushed, or run, on this side. Like the words they wrap at 32 bits. */
  #count = 0
  #collected = 0
  #untold = 0

  constructor(memory: SharedArrayBuffer = new SharedArrayBuffer(HEADER_BYTES + CAPACITY * JOB_BYTES)) {
    this.memory = memory
    this.#words = new Int32Array(memory)
    this.#doubles = new Float64Array(memory)
    this.#bytes = new Uint8Array(memory)
  }

  /** Pusher: whether {@link push} must wait until results are collected. */
  get isFull(): boolean {
    return ((this.#count - this.#collected) | 0) >= CAPACITY
  }

  push(job: BlockJob): void {
    const at = jobOffset(this.#count)
    this.#words[at / 4] = job.fd
    this.#words[at / 4 + 1] = job.length
    this.#doubles[at / 8 + 2] = job.byteOffset
    this.#doubles[at / 8 + 3] = job.position
    this.#bytes.set(job.hash, at + 32)
    this.#count = (this.#count + 1) | 0
    Atomics.store(this.#words, SUBMITTED, this.#count)
  }

  /** Pusher: there is something to run. */
  wake(): void {
    Atomics.notify(this.#words, SUBMITTED)
  }

  /** Pusher: the results, in order, of the jobs that finished since the last call. */
  *collect(): Generator<number> {
    // Before the count is read: what finishes after that is told anew.
    Atomics.store(this.#words, IS_TOLD, 0)
    for (const finished = Atomics.load(this.#words, FINISHED); this.#collected !== finished; ) {
      const result = this.#words[jobOffset(this.#collected) / 4 + 2] ?? 0
      this.#collected = (this.#collected + 1) | 0
      yield result
    }
  }

  /** Runner: sleeps until there is a job. */
  next(): BlockJob {
    while (Atomics.load(this.#words, SUBMITTED) === this.#count) Atomics.wait(this.#words, SUBMITTED, this.#count)
    const at = jobOffset(this.#count)
    return {
      fd: this.#words[at / 4] ?? -1,
      length: this.#words[at / 4 + 1] ?? 0,
      byteOffset: this.#doubles[at / 8 + 2] ?? 0,
      position: this.#doubles[at / 8 + 3] ?? 0,
      hash: this.#bytes.subarray(at + 32, at + 64),
    }
  }

  /** Runner: the job that {@link next} gave is done. True if the pusher has to be told: a few at a time while there is more to run. */
  finish(result: number): boolean {
    this.#words[jobOffset(this.#count) / 4 + 2] = result
    this.#count = (this.#count + 1) | 0
    Atomics.store(this.#words, FINISHED, this.#count)
    this.#untold += 1
    if (this.#untold < TELL_AT_ONCE && Atomics.load(this.#words, SUBMITTED) !== this.#count) return false
    this.#untold = 0
    return Atomics.exchange(this.#words, IS_TOLD, 1) === 0
  }
}

function jobOffset(count: number): number {
  return HEADER_BYTES + (count & (CAPACITY - 1)) * JOB_BYTES
}
