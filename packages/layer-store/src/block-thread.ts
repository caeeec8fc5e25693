import { getSystemErrorMap } from 'node:util'
import { Worker } from 'node:worker_threads'
import type { BlockBuffer } from '@shoal/core'
import { BLOCK_MISMATCH, BLOCK_WRITTEN, BlockJobRing } from './block-job-ring.ts'

/** A block to be checked and written. The buffer must not change, and the file not be closed, until that is done. */
export interface BlockWrite {
  readonly fd: number
  readonly position: number
  readonly buffer: BlockBuffer
  readonly length: number
  /** SHA-256, 32 bytes. */
  readonly hash: Uint8Array
}

/** What the worker is given: the memory of all block buffers and that of the jobs. */
export interface BlockWorkerData {
  readonly buffers: SharedArrayBuffer
  readonly jobs: SharedArrayBuffer
}

interface Task {
  readonly write: BlockWrite
  readonly resolve: (isGood: boolean) => void
  readonly reject: (error: Error) => void
}

/** While many blocks come the thread is woken for so many at a time, or after so long: waking it costs more than handing over. */
const WAKE_BLOCKS = 4
const WAKE_MS = 4
/** Many are those of which one came so soon after the last waking. */
const BUSY_MS = 10

/** The thread needs next to nothing: this keeps its heap from growing as far as a service's may. */
const RESOURCE_LIMITS = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 }

/**
 * A thread that hashes and writes blocks where they are, in shared memory (docs/adr/0011). It keeps the process alive only
 * while it has something to do, and is started anew if it died.
 */
export class BlockThread {
  readonly #memory: SharedArrayBuffer
  /** In order; the first of them, {@link #pushed} many, are in the ring. */
  #tasks: Task[] = []
  #pushed = 0
  /** Blocks in the ring for which the thread was not woken. */
  #unwoken = 0
  #wakeTimer: NodeJS.Timeout | undefined
  #wokenAt = Number.NEGATIVE_INFINITY
  #running: { readonly worker: Worker; readonly ring: BlockJobRing } | undefined

  /** `memory` is that of the block buffers. */
  constructor(memory: SharedArrayBuffer) {
    this.#memory = memory
  }

  /** Gets ready for blocks: starting takes a tenth of a second, for which the first of them would wait. */
  start(): void {
    if (this.#running !== undefined) return
    this.#running = this.#startWorker()
    this.#running.worker.unref()
  }

  /** False if the bytes do not have the hash: then nothing was written. Rejects with what a file system call would. */
  write(write: BlockWrite): Promise<boolean> {
    return new Promise((resolve, reject) => {
      this.#tasks.push({ write, resolve, reject })
      this.#push()
    })
  }

  /** Ends the thread, and what it has not done yet; the next write starts another. */
  async close(): Promise<void> {
    const running = this.#running
    this.#end(new Error('the block thread was ended'))
    await running?.worker.terminate()
  }

  #push(): void {
    this.#running ??= this.#startWorker()
    const { ring, worker } = this.#running
    if (this.#pushed === 0) worker.ref()
    for (let task = this.#tasks[this.#pushed]; task !== undefined && !ring.isFull; task = this.#tasks[this.#pushed]) {
      const { fd, position, buffer, length, hash } = task.write
      ring.push({ fd, position, length, hash, byteOffset: buffer.payload(length).byteOffset })
      this.#pushed += 1
      this.#unwoken += 1
    }
    if (this.#unwoken >= WAKE_BLOCKS || performance.now() - this.#wokenAt >= BUSY_MS) this.#wake()
    else if (this.#unwoken > 0) this.#wakeTimer ??= setTimeout(() => this.#wake(), WAKE_MS)
  }

  #wake(): void {
    clearTimeout(this.#wakeTimer)
    this.#wakeTimer = undefined
    this.#unwoken = 0
    this.#wokenAt = performance.now()
    this.#running?.ring.wake()
  }

  #startWorker(): { worker: Worker; ring: BlockJobRing } {
    const ring = new BlockJobRing()
    const workerData: BlockWorkerData = { buffers: this.#memory, jobs: ring.memory }
    const url = new URL('./block-worker.ts', import.meta.url)
    const worker = new Worker(url, { workerData, execArgv: [], resourceLimits: RESOURCE_LIMITS })
    let failure: unknown
    worker.on('message', () => this.#collect(worker, ring))
    worker.on('error', (error) => {
      failure = error
    })
    worker.on('exit', () => {
      if (this.#running?.worker === worker) this.#end(new Error('the block thread died', { cause: failure }))
    })
    return { worker, ring }
  }

  #collect(worker: Worker, ring: BlockJobRing): void {
    if (this.#running?.worker !== worker) return
    for (const result of ring.collect()) {
      this.#pushed -= 1
      const task = this.#tasks.shift()
      if (result === BLOCK_WRITTEN || result === BLOCK_MISMATCH) task?.resolve(result === BLOCK_WRITTEN)
      else task?.reject(systemError(result))
    }
    if (this.#tasks.length > this.#pushed) this.#push()
    else if (this.#tasks.length === 0) worker.unref()
  }

  #end(error: Error): void {
    const tasks = this.#tasks
    this.#running = undefined
    this.#tasks = []
    this.#pushed = 0
    for (const task of tasks) task.reject(error)
  }
}

function systemError(errno: number): Error {
  const [code, text] = getSystemErrorMap().get(errno) ?? ['UNKNOWN', `error ${errno}`]
  return Object.assign(new Error(`${code}: ${text}, write`), { code, errno, syscall: 'write' })
}
