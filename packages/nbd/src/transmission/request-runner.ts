import type { BlockExtent } from '../block-device.ts'
import { errnoOf } from '../errno.ts'
import { COMMAND, COMMAND_FLAG, ERRNO } from '../protocol.ts'
import type { Agreed } from './check-request.ts'
import { readInto } from './read-into.ts'
import { readRuns } from './read-runs.ts'
import { REPLY_HEADROOM_BYTES, type ReplyBuffers } from './reply-buffers.ts'
import type { ReplyWriter } from './reply-writer.ts'
import type { RequestHeader } from './request-reader.ts'
import { RequestTask, type TaskOwner } from './request-task.ts'
import { statusDescriptors } from './status-descriptors.ts'

/** Shorter reads are not worth the question where zeros are. */
const MIN_SPARSE_READ_BYTES = 64 * 1024
/** Extents of one reply: 32 of a read, each a chunk; 1,024 of a block status, 8 KiB. */
const MAX_READ_EXTENTS = 32
const MAX_STATUS_EXTENTS = 1024

export interface RequestRunnerDeps {
  readonly agreed: Agreed
  readonly writer: ReplyWriter
  readonly buffers: ReplyBuffers
  /** Aborted when the client is gone, or is to wait no longer. */
  readonly signal: AbortSignal
  /** Called when the reply of a request has left, or cannot leave any more. */
  readonly onFinished: (takenBytes: number) => void
}

/** Does what requests ask, and replies. */
export class RequestRunner implements TaskOwner {
  readonly #deps: RequestRunnerDeps
  readonly #options: { readonly signal: AbortSignal }
  readonly #idleTasks: RequestTask[] = []
  #underWay = 0

  constructor(deps: RequestRunnerDeps) {
    this.#deps = deps
    this.#options = { signal: deps.signal }
  }

  /** Requests whose reply has not left. */
  get underWay(): number {
    return this.#underWay
  }

  refuse(header: RequestHeader, errno: number): void {
    this.#deps.writer.error(this.#newTask(header, 0), errno)
  }

  /** The request has been checked; `takenBytes` is given back with `onFinished`. */
  run(header: RequestHeader, takenBytes: number): void {
    const task = this.#newTask(header, takenBytes)
    if (task.type === COMMAND.blockStatus) void this.#tellStatus(task)
    else if (task.type === COMMAND.cache) this.#hint(task)
    else if (task.length === 0) this.#deps.writer.done(task)
    else if (this.#mayBeSparse(task)) this.#readSparse(task)
    else this.#read(task)
  }

  onRead(task: RequestTask): void {
    this.#deps.writer.data(task)
  }

  onFailed(task: RequestTask, error: unknown): void {
    this.#releaseBuffer(task)
    this.#deps.writer.error(task, this.#options.signal.aborted ? ERRNO.ESHUTDOWN : errnoOf(error))
  }

  onSent(task: RequestTask): void {
    this.#releaseBuffer(task)
    this.#idleTasks.push(task)
    this.#underWay -= 1
    this.#deps.onFinished(task.takenBytes)
  }

  #newTask(header: RequestHeader, takenBytes: number): RequestTask {
    const task = this.#idleTasks.pop() ?? new RequestTask(this)
    task.begin(header, takenBytes)
    this.#underWay += 1
    return task
  }

  #hint(task: RequestTask): void {
    try {
      this.#deps.agreed.device.willRead?.(task.offset, task.length)
      this.#deps.writer.done(task)
    } catch (error) {
      this.onFailed(task, error)
    }
  }

  #read(task: RequestTask): void {
    const { offset, length } = task
    let reading: Promise<void> | undefined
    try {
      reading = this.#deps.agreed.device.read(offset, length, this.#buffer(task), this.#options)
    } catch (error) {
      this.onFailed(task, error)
      return
    }
    if (reading === undefined) this.onRead(task)
    else reading.then(task.onRead, task.onFailed)
  }

  #mayBeSparse({ flags, length }: RequestTask): boolean {
    return this.#deps.agreed.isStructured && (flags & COMMAND_FLAG.df) === 0 && length >= MIN_SPARSE_READ_BYTES
  }

  #readSparse(task: RequestTask): void {
    const extents = this.#extents(task, MAX_READ_EXTENTS)
    const onExtents = (found: readonly BlockExtent[]) => this.#readAround(task, found)
    // Where zeros are is worth knowing, but nothing to fail for.
    if (extents instanceof Promise) extents.then(onExtents, () => this.#read(task))
    else onExtents(extents)
  }

  #readAround(task: RequestTask, extents: readonly BlockExtent[]): void {
    const { agreed, writer } = this.#deps
    const runs = readRuns(task.offset, task.length, extents)
    if (runs.every(({ isZero }) => !isZero)) this.#read(task)
    else if (runs.every(({ isZero }) => isZero)) writer.runs(task, runs)
    else {
      const reading = readInto(agreed.device, task.offset, this.#buffer(task), runs, this.#options)
      reading.then(() => writer.runs(task, runs), task.onFailed)
    }
  }

  async #tellStatus(task: RequestTask): Promise<void> {
    const maxCount = (task.flags & COMMAND_FLAG.reqOne) === 0 ? MAX_STATUS_EXTENTS : 1
    try {
      const extents = await this.#extents(task, maxCount)
      this.#deps.writer.status(task, statusDescriptors(task.length, extents, maxCount))
    } catch (error) {
      this.onFailed(task, error)
    }
  }

  #extents({ offset, length }: RequestTask, maxCount: number) {
    try {
      return this.#deps.agreed.device.extents(offset, length, { ...this.#options, maxCount })
    } catch (error) {
      return Promise.reject<readonly BlockExtent[]>(error)
    }
  }

  #buffer(task: RequestTask): Buffer {
    task.buffer = this.#deps.buffers.acquire(task.length)
    return task.buffer.subarray(REPLY_HEADROOM_BYTES, REPLY_HEADROOM_BYTES + task.length)
  }

  #releaseBuffer(task: RequestTask): void {
    const buffer = task.takeBuffer()
    if (buffer !== undefined) this.#deps.buffers.release(buffer)
  }
}
