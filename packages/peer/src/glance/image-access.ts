import type { IncomingMessage } from 'node:http'
import type { Clock } from '@shoal/core'
import { BriefCache } from './brief-cache.ts'
import { CallerNames, callerHeaders } from './caller.ts'
import { endToEnd, headerLines, type RawHeaders, values } from './hop-headers.ts'
import { type ImageFacts, readImageFacts } from './image-facts.ts'
import type { Upstream } from './upstream.ts'

/** Answers about images are a few KiB; one with many properties and locations is larger. */
const MAX_FACTS_BYTES = 1024 * 1024
const MAX_CACHED = 1000
/** For a short answer; data has all the time there is. */
const ANSWER_MS = 60_000
/** Glance's name of this answer alone. */
const OF_ONE_ANSWER = new Set(['content-range', 'content-length'])

export interface ImageRequest {
  readonly image: string
  /** Of the caller. */
  readonly headers: RawHeaders
  readonly signal: AbortSignal
}

/**
 * Asks Glance, in a caller's name, whether it may have an image. The question for the data is the one that counts:
 * policies may let somebody see an image and not download it. A good answer holds for a short time, for this caller
 * and image.
 */
export class ImageAccess {
  readonly #upstream: Upstream
  readonly #callers = new CallerNames()
  readonly #facts: BriefCache<ImageFacts>
  readonly #admitted: BriefCache<RawHeaders>

  constructor(deps: { upstream: Upstream; clock: Clock }, options: { cacheMs: number }) {
    this.#upstream = deps.upstream
    const limits = { keepMs: options.cacheMs, limit: MAX_CACHED }
    this.#facts = new BriefCache(deps.clock, limits)
    this.#admitted = new BriefCache(deps.clock, limits)
  }

  /** What the caller is told of an image; `undefined` unless it is active. Rejects when Glance does not answer. */
  async facts({ image, headers, signal }: ImageRequest): Promise<ImageFacts | undefined> {
    const key = this.#keyOf(image, headers)
    const known = this.#facts.get(key)
    if (known !== undefined) return known
    const path = `/v2/images/${image}`
    const answer = await this.#ask(path, callerHeaders(headers), signal)
    const text = await textOf(answer, MAX_FACTS_BYTES)
    const facts = answer.statusCode === 200 && text !== undefined ? readImageFacts(image, text) : undefined
    if (facts !== undefined) this.#facts.set(key, facts)
    return facts
  }

  /**
   * The head of Glance's answer when the caller downloads all of an image, but for its length; `undefined` when it may
   * not, or when the answer is not as expected. One byte of the data is read for it.
   */
  async admit(facts: ImageFacts, { image, headers, signal }: ImageRequest): Promise<RawHeaders | undefined> {
    const key = this.#keyOf(image, headers)
    const known = this.#admitted.get(key)
    if (known !== undefined) return known
    const answer = await this.#ask(
      `/v2/images/${image}/file`,
      [...callerHeaders(headers), 'Range', 'bytes=0-0'],
      signal,
    )
    // A server that knows no ranges begins to send all of it.
    if (answer.statusCode !== 206) return void answer.destroy()
    answer.resume()
    const { rawHeaders } = answer
    const isExpected =
      values(rawHeaders, 'content-range').join() === `bytes 0-0/${facts.sizeBytes}` &&
      values(rawHeaders, 'content-encoding').every((encoding) => encoding === 'identity')
    if (!isExpected) return undefined
    const head = endToEnd(rawHeaders, OF_ONE_ANSWER)
    this.#admitted.set(key, head)
    return head
  }

  #ask(path: string, headers: RawHeaders, signal: AbortSignal): Promise<IncomingMessage> {
    return this.#upstream.send({ method: 'GET', path, headers, silenceMs: ANSWER_MS, signal })
  }

  #keyOf(image: string, headers: RawHeaders): string {
    return `${image} ${this.#callers.nameOf(headers)}`
  }
}

/** The head of a whole answer: Glance's, with the length of the data. */
export function wholeHead(head: RawHeaders, sizeBytes: number): string[] {
  return [...headerLines(head).flat(), 'Content-Length', String(sizeBytes)]
}

async function textOf(answer: IncomingMessage, maxBytes: number): Promise<string | undefined> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length
    // Leaving the loop ends the connection.
    if (size > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString('utf8')
}
