import type { IncomingMessage } from 'node:http'
import { type Clock, errorCode, errorMessage, type Logger, type ShoalError } from '@shoal/core'
import type { BlockSource } from '../boot/block-source.ts'
import { LayerReader } from '../boot/layer-reader.ts'
import { Turns } from '../boot/layer-reader-turns.ts'
import { gatewayError } from './errors.ts'
import { type Exchange, throwIfOver } from './exchange.ts'
import { glanceBytes } from './glance-bytes.ts'
import type { GlanceLimit } from './glance-limit.ts'
import { endToEnd, type RawHeaders } from './hop-headers.ts'
import { type ImageAccess, type ImageRequest, wholeHead } from './image-access.ts'
import type { ImageFacts } from './image-facts.ts'
import { type HeldFile, type ImageFiles, isPassed } from './image-files.ts'
import { LayerFile } from './layer-file.ts'
import type { GatewayCounters } from './metrics.ts'
import type { PassReason } from './pass-reason.ts'
import { askAsCaller, beginAnswer, type HostName } from './pass-through.ts'
import { sendFile, writeAll } from './send-file.ts'
import type { Upstream } from './upstream.ts'

/** Downloads that wait for their turn; more are told to come again. */
const MAX_WAITING = 1000

export interface DownloadsDeps {
  readonly upstream: Upstream
  readonly access: Pick<ImageAccess, 'facts' | 'admit'>
  readonly files: Pick<ImageFiles, 'open'>
  readonly source: BlockSource
  readonly limit: GlanceLimit
  readonly counters: GatewayCounters
  /** Blocks of a layer came past the swarm. */
  readonly onStored: (file: HeldFile) => void
  /** A steady one. */
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export interface DownloadsOptions {
  readonly host: HostName
  /** Downloads at a time. */
  readonly maxDownloads: number
  /** See {@link LayerFile}. */
  readonly patienceMs: number
  readonly giveUpMs: number
}

/** A download that may be answered from a layer. */
interface Admitted {
  readonly facts: ImageFacts
  readonly file: HeldFile
  /** Of Glance's own answer to this caller. */
  readonly head: RawHeaders
}

/** A download that Glance itself answers. */
interface Passed {
  readonly reason: PassReason
  /** As far as they are known. */
  readonly facts?: ImageFacts | undefined
}

/**
 * Answers downloads of images. Glance says for each whether this caller may have it; the bytes come from the layer that has the very same.
 * Whatever is not as plain as that is answered by Glance itself.
 */
export class Downloads {
  readonly #deps: DownloadsDeps
  readonly #options: DownloadsOptions
  readonly #turns: Turns
  #waiting = 0
  #running = 0

  constructor(deps: DownloadsDeps, options: DownloadsOptions) {
    this.#deps = deps
    this.#options = options
    this.#turns = new Turns(options.maxDownloads)
  }

  /** Downloads under way. */
  get running(): number {
    return this.#running
  }

  /** Rejects before an answer has begun, or with `SHOAL_GATEWAY_CUT`; with the signal's reason when the client has gone. */
  async answer(image: string, exchange: Exchange): Promise<void> {
    await this.#begin(exchange.signal)
    this.#running += 1
    try {
      const asked: ImageRequest = { image, headers: exchange.request.rawHeaders, signal: exchange.signal }
      const found = isPlain(exchange) ? await this.#admit(asked) : { reason: 'not-plain' as const }
      if ('reason' in found) await this.#pass(asked, exchange, found)
      else await this.#serve(found, exchange)
    } finally {
      this.#running -= 1
      this.#turns.end()
    }
  }

  async #begin(signal: AbortSignal): Promise<void> {
    if (this.#waiting >= MAX_WAITING) throw gatewayError('SHOAL_GATEWAY_BUSY', { limit: MAX_WAITING })
    this.#waiting += 1
    try {
      await this.#turns.begin(signal)
    } finally {
      this.#waiting -= 1
    }
  }

  /** Never rejects but with the signal's reason: whatever goes wrong here, Glance may still answer. */
  async #admit(asked: ImageRequest): Promise<Admitted | Passed> {
    const { access, files, logger } = this.#deps
    const { signal, image } = asked
    let facts: ImageFacts | undefined
    let file: HeldFile | undefined
    try {
      facts = await access.facts(asked)
      if (facts === undefined) return { reason: 'not-active' }
      const found = await files.open(facts, { signal })
      if (isPassed(found)) return { reason: found, facts }
      file = found
      // The last word before the data: an import may have taken longer than a token lasts.
      const head = await access.admit(facts, asked)
      if (head !== undefined) return { facts, file, head }
      file.release()
      return { reason: 'not-admitted', facts }
    } catch (error) {
      file?.release()
      signal.throwIfAborted()
      const fields = { image, code: errorCode(error), reason: errorMessage(error) }
      logger.warn(fields, 'a download cannot be answered from a layer; Glance answers it')
      return { reason: 'fault', facts }
    }
  }

  async #serve({ facts, file, head }: Admitted, exchange: Exchange): Promise<void> {
    const { request, response, signal } = exchange
    const { source, clock, random, logger, counters, onStored } = this.#deps
    const { patienceMs, giveUpMs } = this.#options
    const { id: image, sizeBytes } = facts
    const reader = new LayerReader({ layer: file.layer, source, clock, random, logger })
    const fromGlance = (offset: number, options: { signal: AbortSignal }) =>
      glanceBytes(this.#deps, { ...options, image, headers: request.rawHeaders, sizeBytes, offset, patienceMs: 0 })
    const deps = { layer: file.layer, reader, fromGlance, clock, random, logger }
    const layerFile = new LayerFile(deps, { image, patienceMs, giveUpMs, signal })
    let sentBytes = 0
    try {
      response.sendDate = false
      response.writeHead(200, wholeHead(head, sizeBytes))
      await sendFile(response, {
        sizeBytes,
        fill: (offset, into) => layerFile.fill(offset, into),
        onSent: (bytes) => {
          sentBytes += bytes
        },
      })
      response.end()
    } catch (error) {
      throwIfOver(exchange)
      throw cut(image, sentBytes, error)
    } finally {
      await layerFile[Symbol.asyncDispose]()
      counters.sent({ layerBytes: Math.max(0, sentBytes - layerFile.glanceBytes), glanceBytes: layerFile.glanceBytes })
      if (layerFile.storedBytes > 0) onStored(file)
      file.release()
    }
  }

  /** Glance answers. Where it gives all of an image, a cut of its own is mended. */
  async #pass({ image }: ImageRequest, exchange: Exchange, { reason, facts }: Passed): Promise<void> {
    const { counters, logger, limit } = this.#deps
    const { request, response, signal } = exchange
    counters.passed(reason)
    logger.info({ image, reason }, 'a download is answered by Glance')
    const answer = await askAsCaller(exchange, { ...this.#deps, ...this.#options })
    const sizeBytes = wholeSize(answer, facts)
    const hasLength = sizeBytes === undefined || answer.headers['content-length'] !== undefined
    beginAnswer(exchange, answer, hasLength ? undefined : wholeHead(endToEnd(answer.rawHeaders), sizeBytes))
    const mended = { image, headers: request.rawHeaders, offset: 0, answer, patienceMs: this.#options.giveUpMs, signal }
    let sentBytes = 0
    try {
      const bytes =
        sizeBytes === undefined ? limited(answer, limit, signal) : glanceBytes(this.#deps, { ...mended, sizeBytes })
      for await (const chunk of bytes) {
        await writeAll(response, chunk)
        sentBytes += chunk.length
      }
      response.end()
    } catch (error) {
      answer.destroy()
      throwIfOver(exchange)
      throw cut(image, sentBytes, error)
    } finally {
      const isData = answer.statusCode === 200 || answer.statusCode === 206
      if (isData) counters.sent({ layerBytes: 0, glanceBytes: sentBytes })
    }
  }
}

/** The size of an image of which this is all; `undefined` when the answer is something else, or does not say. */
function wholeSize({ statusCode, headers }: IncomingMessage, facts: ImageFacts | undefined): number | undefined {
  if (statusCode !== 200 || headers['content-encoding'] !== undefined) return undefined
  // Debian's own set-up of Glance takes the length out of its answers.
  const length = headers['content-length']
  return length === undefined ? facts?.sizeBytes : Number(length)
}

/** A request for all of an image, with nothing in it that could change the answer. */
function isPlain({ request: { headers } }: Exchange): boolean {
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) return false
  return !Object.keys(headers).some((name) => /^(range|content-range|if-.*|expect|upgrade)$/.test(name))
}

async function* limited(
  answer: AsyncIterable<Buffer>,
  limit: GlanceLimit,
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  for await (const chunk of answer) {
    await limit.take(chunk.length, signal)
    yield chunk
  }
}

function cut(image: string, sentBytes: number, error: unknown): ShoalError {
  return gatewayError('SHOAL_GATEWAY_CUT', { image, sentBytes, reason: errorMessage(error) }, error)
}
