import { randomUUID } from 'node:crypto'
import { Readable } from 'node:stream'
import { type Clock, errorCode, errorMessage, type Logger, ShoalError } from '@shoal/core'
import type { CloudAuth } from './cloud-auth.ts'
import { openstackError } from './errors.ts'
import type { GlanceClientOptions } from './glance-client.ts'
import { GlanceConnection, nonsense } from './glance-connection.ts'
import { type GlanceImage, isImageId, parseImage } from './glance-image.ts'
import { refusalReason } from './glance-refusal.ts'
import { MAX_RECORD_BYTES, showImage } from './glance-show.ts'
import { HttpClient, SYSTEM_TLS } from './http-client.ts'
import { createKeystoneSession, type KeystoneSessionDeps } from './keystone-session.ts'
import type { Session } from './session.ts'

/** A record to be made in Glance. */
export interface NewImage {
  readonly name: string
  readonly diskFormat: 'qcow2' | 'raw'
  readonly visibility: 'private' | 'shared' | 'community' | 'public'
  /** Left out of lists that do not ask for hidden images (`os_hidden`). */
  readonly isHidden: boolean
  /** The least root disk, GB, and memory, MB, that a flavor must have. */
  readonly minDiskGb: number
  readonly minRamMb: number
  readonly properties: Readonly<Record<string, string>>
}

export interface UploadOptions {
  /** Length of the data. */
  readonly sizeBytes: number
  readonly signal?: AbortSignal | undefined
  /** Bytes that were handed to the network so far. */
  readonly onProgress?: ((sentBytes: number) => void) | undefined
}

/** The part of Glance's v2 API that changes the library; what only reads has {@link GlanceClient} instead. */
export interface GlanceUploader {
  /** Makes a record that waits for its data. Throws `SHOAL_GLANCE_REFUSED`; then, and after any other failure, there is none. */
  createImage(image: NewImage, options?: { signal?: AbortSignal | undefined }): Promise<GlanceImage>
  /**
   * Sends the data of an image that was made just now, once and in order; resolves with its record when it is active. When that fails the
   * image is deleted again, and what is thrown says why: `SHOAL_GLANCE_REFUSED`, `SHOAL_GLANCE_UPLOAD`, what `data` threw, or the
   * signal's reason.
   */
  uploadImage(id: string, data: AsyncIterable<Uint8Array>, options: UploadOptions): Promise<GlanceImage>
  /** Deletes an image; one that is not there is fine. Throws `SHOAL_GLANCE_REFUSED`. */
  deleteImage(id: string, options?: { signal?: AbortSignal | undefined }): Promise<void>
  /** Ends the connections to Glance. */
  close(): Promise<void>
}

/** Stores that copy what they got before they answer take minutes for a large image. */
const ANSWER_MS = 15 * 60_000
/** For taking back what failed, after which nobody waits any more. */
const CLEANUP_MS = 30_000
const CLEANUP_RETRIES = 2

/** An uploader for the Glance that the session's catalogue, or `endpoint`, names. No I/O happens before the first call. */
export function createGlanceUploader(
  deps: { session: Session; clock: Clock; logger: Logger; random?: () => number },
  options: Omit<GlanceClientOptions, 'retries'> = {},
): GlanceUploader {
  const { session, clock, logger, random = Math.random } = deps
  const tls = options.tls ?? { ...SYSTEM_TLS, caFile: options.caFile ?? null }
  const http = new HttpClient({ tls, timeouts: options.timeouts })
  const connection = new GlanceConnection({ session, http, clock, random }, options)
  const uploader = new Uploader(connection, logger)
  return {
    createImage: (image, callOptions) => uploader.create(image, callOptions),
    uploadImage: (id, data, callOptions) => uploader.upload(id, data, callOptions),
    deleteImage: (id, callOptions) => uploader.delete(id, callOptions),
    close: () => http.close(),
  }
}

/** Session and uploader in one, with what {@link readCloudAuth} read; `close` ends both. */
export function openGlanceUploader(deps: KeystoneSessionDeps, auth: CloudAuth): GlanceUploader {
  const session = createKeystoneSession(deps, auth)
  const { interface: wanted, region, tls, imageEndpoint: endpoint } = auth
  const uploader = createGlanceUploader({ ...deps, session }, { endpoint, interface: wanted, region, tls })
  return {
    ...uploader,
    async close() {
      await uploader.close()
      await session.close()
    },
  }
}

class Uploader {
  readonly #connection: GlanceConnection
  readonly #logger: Logger

  constructor(connection: GlanceConnection, logger: Logger) {
    this.#connection = connection
    this.#logger = logger
  }

  async create(image: NewImage, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<GlanceImage> {
    // The id is ours, so that a record whose answer was lost can be found and deleted.
    const id = randomUUID()
    try {
      const request = { method: 'POST', json: recordOf(id, image), maxBytes: MAX_RECORD_BYTES, signal } as const
      const { status, json, text, url } = await this.#connection.sendJson('/images', request)
      if (status !== 201) {
        const reason = refusalReason(text)
        throw openstackError('SHOAL_GLANCE_REFUSED', { action: 'make', image: image.name, status, reason })
      }
      const made = parseImage(json)
      if (made?.id !== id) throw nonsense(url, 'a new record that is not what was asked for')
      return made
    } catch (error) {
      if (errorCode(error) !== 'SHOAL_GLANCE_REFUSED') await this.#discard(id)
      throw error
    }
  }

  async upload(id: string, data: AsyncIterable<Uint8Array>, options: UploadOptions): Promise<GlanceImage> {
    const { sizeBytes, signal } = options
    // Renews a token that has run out, which cannot be done once a body is half sent.
    const before = await showImage(this.#connection, id, { signal })
    if (before?.status !== 'queued') {
      throw openstackError('SHOAL_GLANCE_NOT_READY', { image: id, status: before?.status ?? 'unknown' })
    }
    const source = new CountedSource(id, data, options)
    try {
      await this.#send(id, source, options)
      const after = await showImage(this.#connection, id, { signal })
      if (after?.status === 'active' && after.sizeBytes === sizeBytes) return after
      const reason = `Glance has ${after?.sizeBytes ?? 'nothing'} as its size and ${after?.status ?? 'no'} status afterwards`
      throw source.fault(reason)
    } catch (error) {
      await this.#discard(id)
      signal?.throwIfAborted()
      if (source.failure !== undefined) throw source.failure.error
      const isLost = errorCode(error) === 'SHOAL_GLANCE_UNREACHABLE' || !(error instanceof ShoalError)
      throw isLost ? source.fault(errorMessage(error).replace(/\.$/, ''), error) : error
    }
  }

  async delete(id: string, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    if (!isImageId(id)) throw new TypeError(`image id ${id}`)
    const request = { method: 'DELETE', maxBytes: MAX_RECORD_BYTES, signal, retries: CLEANUP_RETRIES } as const
    const { status, text } = await this.#connection.sendJson(`/images/${id}`, request)
    if ([200, 204, 404, 410].includes(status)) return
    throw openstackError('SHOAL_GLANCE_REFUSED', { action: 'delete', image: id, status, reason: refusalReason(text) })
  }

  async #send(id: string, source: CountedSource, { sizeBytes, signal }: UploadOptions): Promise<void> {
    const headers = { 'content-type': 'application/octet-stream', 'content-length': String(sizeBytes) }
    const body = Readable.from(source.read(), { objectMode: false })
    const request = { method: 'PUT', headers, body, headersMs: ANSWER_MS, signal } as const
    const answer = await this.#connection.send(`/images/${id}/file`, request)
    const { status } = answer
    if (status === 204) return answer.discard()
    // A server that has not read the body may cut the connection before its words have arrived.
    const text = await answer.text(MAX_RECORD_BYTES).catch(() => '')
    const reason = refusalReason(text ?? '')
    throw openstackError('SHOAL_GLANCE_REFUSED', { action: 'take the data of', image: id, status, reason })
  }

  /** Deletes what failed, whatever the reason was; if that fails too there is only somebody to tell. */
  async #discard(id: string): Promise<void> {
    try {
      await this.delete(id, { signal: AbortSignal.timeout(CLEANUP_MS) })
    } catch (error) {
      const reason = errorMessage(error)
      this.#logger.warn({ image: id, reason }, 'an image that failed may be left in Glance; delete it')
    }
  }
}

/** Data on its way: counted, and of exactly the length that was promised. */
class CountedSource {
  readonly #image: string
  readonly #data: AsyncIterable<Uint8Array>
  readonly #options: UploadOptions
  #sentBytes = 0
  /** What went wrong with the data itself: the network's error is then only what followed. */
  failure: { readonly error: unknown } | undefined

  constructor(image: string, data: AsyncIterable<Uint8Array>, options: UploadOptions) {
    this.#image = image
    this.#data = data
    this.#options = options
  }

  async *read(): AsyncGenerator<Uint8Array> {
    const { sizeBytes, onProgress } = this.#options
    try {
      for await (const chunk of this.#data) {
        if (this.#sentBytes + chunk.length > sizeBytes) throw this.fault('there is more data than was promised')
        yield chunk
        this.#sentBytes += chunk.length
        onProgress?.(this.#sentBytes)
      }
      if (this.#sentBytes < sizeBytes) throw this.fault('the data ended')
    } catch (error) {
      this.failure = { error }
      throw error
    }
  }

  fault(reason: string, cause?: unknown): ShoalError {
    const details = { image: this.#image, sent: this.#sentBytes, expected: this.#options.sizeBytes, reason }
    return openstackError('SHOAL_GLANCE_UPLOAD', details, cause)
  }
}

function recordOf(id: string, image: NewImage): Record<string, unknown> {
  return {
    // First, so that no property takes the place of a field.
    ...image.properties,
    id,
    name: image.name,
    disk_format: image.diskFormat,
    container_format: 'bare',
    visibility: image.visibility,
    os_hidden: image.isHidden,
    min_disk: image.minDiskGb,
    min_ram: image.minRamMb,
  }
}
