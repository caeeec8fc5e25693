import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import { seedError } from '../errors.ts'
import type { HashReply, HashRequest, HashResult, HashWorkerOptions } from './hash-worker.ts'

/** Length of the buffers that go between the import and its hash worker. */
export const HASH_BUFFER_BYTES = 1024 * 1024
/** How many of them exist: what the worker may lag behind the disk. */
const BUFFERS = 6

/**
 * Computes every hash of a layer in a worker thread, so that the event loop stays free (about 350 MB/s a core for
 * SHA-512, SHA-256 twice and SHA-1). Buffers go back and forth by transfer; there are six, which is the back-pressure.
 */
export class LayerHasher implements AsyncDisposable {
  readonly #worker: Worker
  readonly #image: string
  readonly #free: ArrayBuffer[] = Array.from({ length: BUFFERS }, () => new ArrayBuffer(HASH_BUFFER_BYTES))
  #waiting: { resolve: (buffer: Uint8Array<ArrayBuffer>) => void; reject: (error: unknown) => void } | undefined
  #result: { resolve: (result: HashResult) => void; reject: (error: unknown) => void } | undefined
  #failure: unknown
  #isClosed = false

  constructor(image: string, options: HashWorkerOptions) {
    this.#image = image
    this.#worker = new Worker(new URL('./hash-worker.ts', import.meta.url), { workerData: options })
    this.#worker.on('message', (reply: HashReply) => this.#receive(reply))
    this.#worker.on('error', (error) => this.#fail(error.message, error))
    this.#worker.on('exit', (code) => this.#fail(`it ended with code ${code}`))
  }

  /** An empty buffer to fill, as soon as one is free. One caller at a time. */
  buffer(): Promise<Uint8Array<ArrayBuffer>> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      const free = this.#free.pop()
      if (free !== undefined) return resolve(new Uint8Array(free))
      this.#waiting = { resolve, reject }
    })
  }

  /** Hands over the first `length` bytes of a buffer that {@link buffer} gave; it must not be touched again. */
  update(buffer: Uint8Array<ArrayBuffer>, length: number): void {
    const request: HashRequest = { type: 'data', buffer: buffer.buffer, length }
    this.#worker.postMessage(request, [buffer.buffer])
  }

  /** The hashes of everything that was handed over. Throws `SHOAL_IMPORT_HASHING`. */
  finish(): Promise<HashResult> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure)
      this.#result = { resolve, reject }
      this.#worker.postMessage({ type: 'end' } satisfies HashRequest)
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    const exited = once(this.#worker, 'exit')
    await this.#worker.terminate()
    await exited.catch(() => {})
  }

  #receive(reply: HashReply): void {
    if (reply.type === 'result') {
      this.#result?.resolve(reply)
      return
    }
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#free.push(reply.buffer)
    else waiting.resolve(new Uint8Array(reply.buffer))
  }

  #fail(reason: string, cause?: unknown): void {
    if (this.#failure !== undefined) return
    this.#failure = seedError('SHOAL_IMPORT_HASHING', { image: this.#image, reason }, cause)
    this.#waiting?.reject(this.#failure)
    this.#result?.reject(this.#failure)
  }
}
