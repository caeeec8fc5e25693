import { errorCode, errorMessage } from '@shoal/core'
import { Turns } from '../boot/layer-reader-turns.ts'
import { type AnswerFromGlanceDeps, answerFromGlance } from './answer-from-glance.ts'
import { type AnswerFromLayerDeps, answerFromLayer } from './answer-from-layer.ts'
import { gatewayError } from './errors.ts'
import type { Exchange } from './exchange.ts'
import { type FindDownloadDeps, findDownload, type LayerDownload } from './find-download.ts'
import type { RawHeaders } from './hop-headers.ts'
import type { ImageAccess, ImageRequest } from './image-access.ts'
import type { PassReason } from './pass-reason.ts'

/** Downloads at the same time, those that wait among them; more are told to come again. */
const MAX_KNOWN = 1000

export type DownloadsDeps = FindDownloadDeps &
  AnswerFromGlanceDeps &
  AnswerFromLayerDeps & { readonly access: Pick<ImageAccess, 'admit'> }

export interface DownloadsOptions {
  /** Downloads that send at a time. */
  readonly maxDownloads: number
  /** See {@link LayerFile}. */
  readonly patienceMs: number
  readonly giveUpMs: number
}

/**
 * Answers downloads of images. Glance says for each whether this caller may have it; the bytes come from the layer
 * that has the very same. Whatever is not as plain as that is answered by Glance itself.
 */
export class Downloads {
  readonly #deps: DownloadsDeps
  readonly #options: DownloadsOptions
  readonly #turns: Turns
  #known = 0
  #running = 0

  constructor(deps: DownloadsDeps, options: DownloadsOptions) {
    this.#deps = deps
    this.#options = options
    this.#turns = new Turns(options.maxDownloads)
  }

  /** Downloads whose turn it is. */
  get running(): number {
    return this.#running
  }

  /** Rejects before an answer has begun, with `SHOAL_GATEWAY_CUT`, or when the exchange is over. */
  async answer(image: string, exchange: Exchange): Promise<void> {
    if (this.#known >= MAX_KNOWN) throw gatewayError('SHOAL_GATEWAY_BUSY', { limit: MAX_KNOWN })
    this.#known += 1
    try {
      await this.#answer({ image, headers: exchange.request.rawHeaders, signal: exchange.signal }, exchange)
    } finally {
      this.#known -= 1
    }
  }

  async #answer(asked: ImageRequest, exchange: Exchange): Promise<void> {
    // Nobody whose image is here waits for one whose image is still imported: the turns come afterwards.
    const found = await findDownload(exchange, asked, this.#deps)
    if ('reason' in found) return this.#inTurn(asked, () => this.#fromGlance(asked, exchange, found))
    try {
      await this.#inTurn(asked, async () => {
        const head = await this.#head(found, asked)
        if (typeof head === 'string') await this.#fromGlance(asked, exchange, { ...found, reason: head })
        else await answerFromLayer(exchange, found, this.#deps, { ...this.#options, head })
      })
    } finally {
      found.file.release()
    }
  }

  async #inTurn({ signal }: ImageRequest, run: () => Promise<void>): Promise<void> {
    await this.#turns.begin(signal)
    this.#running += 1
    try {
      await run()
    } finally {
      this.#running -= 1
      this.#turns.end()
    }
  }

  /** The last word before the data: an import may have taken longer than a token lasts. */
  async #head({ facts }: LayerDownload, asked: ImageRequest): Promise<RawHeaders | PassReason> {
    const { access, logger } = this.#deps
    try {
      return (await access.admit(facts, asked)) ?? 'not-admitted'
    } catch (error) {
      asked.signal.throwIfAborted()
      const fields = { image: asked.image, code: errorCode(error), reason: errorMessage(error) }
      logger.warn(fields, 'a download cannot be answered from a layer; Glance answers it')
      return 'fault'
    }
  }

  #fromGlance({ image }: ImageRequest, exchange: Exchange, found: Parameters<typeof answerFromGlance>[1]) {
    return answerFromGlance(exchange, found, this.#deps, { image, patienceMs: this.#options.giveUpMs })
  }
}
