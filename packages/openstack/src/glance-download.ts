import { type Clock, type Logger, ShoalError } from '@shoal/core'
import { backoffMs } from './backoff.ts'
import { openstackError } from './errors.ts'
import { type GlanceConnection, nonsense, unreachable } from './glance-connection.ts'
import type { GlanceImage } from './glance-image.ts'
import { type HttpAnswer, networkReason } from './http-client.ts'

export interface DownloadOptions {
  /** First byte wanted. Default 0. */
  offset?: number | undefined
  signal?: AbortSignal | undefined
  /**
   * Called for each `GET .../file` that was sent: the byte it asked from, and the answer's status, 0 when none came.
   * It is what "how often was the library read" counts.
   */
  onRequest?: ((info: { offset: number; status: number }) => void) | undefined
  /**
   * Called with the length of data that was read from Glance only to get past it, because this Glance cannot start in
   * the middle; waiting in it slows the reading down, so that a rate limit holds for these bytes too.
   */
  onSkip?: ((bytes: number) => void | Promise<void>) | undefined
}

export interface DownloadDeps {
  connection: GlanceConnection
  /** The image's record as it is now; `undefined` when it is gone. */
  show(id: string, options: { signal?: AbortSignal | undefined; retries: number }): Promise<GlanceImage | undefined>
  clock: Clock
  logger: Logger
  random: () => number
  /** How often reading is tried again in a row without getting further. */
  retries: number
}

/** Less than this is no progress: a server that gives a few bytes at a time must not keep us asking for ever. */
const PROGRESS_BYTES = 1024 * 1024
const TRANSIENT = new Set(['SHOAL_GLANCE_UNREACHABLE', 'SHOAL_GLANCE_TRUNCATED', 'SHOAL_KEYSTONE_UNREACHABLE'])

/**
 * Reads an image's data once from `offset` to its end, going on by Range where a cut happened. The record is looked at
 * before each request, because the data's own status cannot be trusted: administrators get deactivated data with 200.
 * Ends normally only after exactly `sizeBytes - offset` bytes.
 */
export async function* downloadImage(
  deps: DownloadDeps,
  image: GlanceImage,
  options: DownloadOptions,
): AsyncGenerator<Buffer> {
  const { offset = 0, signal } = options
  const sizeBytes = checkReadable(image, image)
  if (!Number.isSafeInteger(offset) || offset < 0 || offset > sizeBytes) throw new TypeError(`offset ${offset}`)
  const reader = new ImageReader(deps, image.id, sizeBytes, options)
  let position = offset
  let progressAt = offset
  let failures = 0
  while (position < sizeBytes) {
    let fault: ShoalError
    try {
      await reader.checkRecord()
      for await (const chunk of reader.read(position)) {
        position += chunk.length
        yield chunk
      }
      fault = openstackError('SHOAL_GLANCE_TRUNCATED', { image: image.id, received: position, expected: sizeBytes })
    } catch (error) {
      signal?.throwIfAborted()
      if (!(error instanceof ShoalError) || !TRANSIENT.has(error.code)) throw error
      fault = error
    }
    if (position === sizeBytes) return
    if (position - progressAt >= PROGRESS_BYTES) {
      progressAt = position
      failures = 0
    }
    if (failures >= deps.retries) throw fault
    const delayMs = backoffMs(failures, deps.random)
    failures += 1
    deps.logger.warn({ image: image.id, position, failures, delayMs, code: fault.code }, 'image download interrupted')
    await deps.clock.sleep(delayMs, { signal })
  }
}

/** The size of an image whose data may be read now; throws the code of why it may not. */
function checkReadable(
  image: GlanceImage | undefined,
  expected: GlanceImage | { id: string; sizeBytes: number },
): number {
  const { id } = expected
  if (image === undefined || image.status === 'deleted' || image.status === 'pending_delete') {
    throw openstackError('SHOAL_GLANCE_NOT_FOUND', { image: id })
  }
  const { status, sizeBytes } = image
  if (status === 'deactivated') throw openstackError('SHOAL_GLANCE_DEACTIVATED', { image: id })
  if (status !== 'active' || sizeBytes === null) throw openstackError('SHOAL_GLANCE_NOT_READY', { image: id, status })
  return sizeBytes
}

class ImageReader {
  readonly #deps: DownloadDeps
  readonly #id: string
  readonly #sizeBytes: number
  readonly #options: DownloadOptions
  /** Some stores (HTTP among them) cannot start in the middle: Glance then answers 400 to a Range. */
  #canRange = true

  constructor(deps: DownloadDeps, id: string, sizeBytes: number, options: DownloadOptions) {
    this.#deps = deps
    this.#id = id
    this.#sizeBytes = sizeBytes
    this.#options = options
  }

  async checkRecord(): Promise<void> {
    const image = await this.#deps.show(this.#id, { signal: this.#options.signal, retries: 0 })
    const sizeBytes = checkReadable(image, { id: this.#id, sizeBytes: this.#sizeBytes })
    if (sizeBytes !== this.#sizeBytes) {
      throw nonsenseSize(this.#id, `the size of an active image changed from ${this.#sizeBytes} to ${sizeBytes}`)
    }
  }

  /** The data from `position` on, from one request, until the answer ends; never more than there should be. */
  async *read(position: number): AsyncGenerator<Buffer> {
    const answer = await this.#open(position)
    const isPartial = answer.status === 206
    let skip = isPartial ? 0 : position
    let expected = this.#sizeBytes - (isPartial ? position : 0)
    const length = answer.header('content-length')
    if (length !== undefined && Number(length) > expected) {
      answer.discard()
      throw openstackError('SHOAL_GLANCE_OVERLONG', { image: this.#id, expected: this.#sizeBytes })
    }
    if (skip > 0) this.#deps.logger.warn({ image: this.#id, position }, 'glance ignores Range, reading up to there')
    try {
      for await (const chunk of answer.body) {
        expected -= chunk.length
        if (expected < 0) throw openstackError('SHOAL_GLANCE_OVERLONG', { image: this.#id, expected: this.#sizeBytes })
        const skipped = Math.min(skip, chunk.length)
        if (skipped > 0) await this.#options.onSkip?.(skipped)
        skip -= skipped
        if (skipped < chunk.length) yield chunk.subarray(skipped)
      }
    } catch (error) {
      this.#options.signal?.throwIfAborted()
      if (error instanceof ShoalError) throw error
      throw unreachable(answer.url, networkReason(error), answer.status, error)
    }
  }

  /** Asks for the data and checks the answer's head; what comes back is 200 or a 206 that starts where it should. */
  async #open(position: number): Promise<HttpAnswer & { url: string }> {
    const isRanged = position > 0 && this.#canRange
    const answer = await this.#request(position, isRanged)
    const fault = this.#findFault(answer, isRanged ? position : 0)
    if (fault === undefined) return answer
    answer.discard()
    if (answer.status !== 400 || !isRanged) throw fault
    this.#canRange = false
    return this.#open(position)
  }

  async #request(position: number, isRanged: boolean) {
    const { signal, onRequest } = this.#options
    const offset = isRanged ? position : 0
    // identity: a proxy that compresses would change lengths, and with them what a Range means.
    const headers = { 'accept-encoding': 'identity', ...(isRanged ? { range: `bytes=${position}-` } : {}) }
    try {
      const answer = await this.#deps.connection.get(`/images/${this.#id}/file`, { headers, signal })
      onRequest?.({ offset, status: answer.status })
      return answer
    } catch (error) {
      const status = error instanceof ShoalError ? error.details.status : 0
      onRequest?.({ offset, status: typeof status === 'number' ? status : 401 })
      throw error
    }
  }

  #findFault(answer: HttpAnswer & { url: string }, from: number): ShoalError | undefined {
    const image = this.#id
    switch (answer.status) {
      case 200:
        return this.#findEncoding(answer)
      case 206:
        return this.#findEncoding(answer) ?? this.#findRangeFault(answer, from)
      case 204:
        return openstackError('SHOAL_GLANCE_NOT_READY', { image, status: 'active, but without data' })
      case 403:
        return openstackError('SHOAL_GLANCE_FORBIDDEN', { image })
      case 404:
      case 410:
        return openstackError('SHOAL_GLANCE_NOT_FOUND', { image })
      case 416:
        return openstackError('SHOAL_GLANCE_RANGE', { image, offset: from, reason: 'it says that is past the end' })
      default:
        return nonsense(answer.url, `status ${answer.status} to a download`)
    }
  }

  #findEncoding(answer: HttpAnswer & { url: string }): ShoalError | undefined {
    const encoding = answer.header('content-encoding')
    if (encoding === undefined || encoding === 'identity') return undefined
    return nonsense(answer.url, `a download in the encoding ${encoding.slice(0, 40)}`)
  }

  #findRangeFault(answer: HttpAnswer & { url: string }, from: number): ShoalError | undefined {
    const range = answer.header('content-range') ?? ''
    const match = /^bytes (\d+)-(\d+)\/(\d+|\*)$/.exec(range)
    const fits = match !== null && Number(match[1]) === from && ['*', String(this.#sizeBytes)].includes(match[3] ?? '')
    return fits ? undefined : nonsense(answer.url, `Content-Range "${range.slice(0, 60)}" to a request from ${from}`)
  }
}

function nonsenseSize(image: string, reason: string): ShoalError {
  return openstackError('SHOAL_GLANCE_PROTOCOL', { url: `image ${image}`, reason })
}
