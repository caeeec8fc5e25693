import { type Clock, errorMessage, type Logger } from '@shoal/core'
import type { BlockSource } from '../boot/block-source.ts'
import { LayerReader } from '../boot/layer-reader.ts'
import { gatewayError } from './errors.ts'
import { type Exchange, throwIfOver } from './exchange.ts'
import type { LayerDownload } from './find-download.ts'
import { type GlanceBytesDeps, glanceBytes } from './glance-bytes.ts'
import type { RawHeaders } from './hop-headers.ts'
import { wholeHead } from './image-access.ts'
import type { HeldFile } from './image-files.ts'
import { LayerFile } from './layer-file.ts'
import type { GatewayCounters } from './metrics.ts'
import { sendFile } from './send-file.ts'

export interface AnswerFromLayerDeps extends GlanceBytesDeps {
  readonly source: BlockSource
  readonly counters: Pick<GatewayCounters, 'sent'>
  /** Blocks of a layer came past the swarm. */
  readonly onStored: (file: HeldFile) => void
  /** A steady one. */
  readonly clock: Clock
  readonly logger: Logger
}

export interface AnswerFromLayerOptions {
  /** Of Glance's own answer to this caller. */
  readonly head: RawHeaders
  /** See {@link LayerFile}. */
  readonly patienceMs: number
  readonly giveUpMs: number
}

/**
 * Sends all of an image, from the layer that has its bytes. Rejects with `SHOAL_GATEWAY_CUT`, or when the exchange is
 * over.
 */
export async function answerFromLayer(
  exchange: Exchange,
  { facts, file }: LayerDownload,
  deps: AnswerFromLayerDeps,
  { head, patienceMs, giveUpMs }: AnswerFromLayerOptions,
): Promise<void> {
  const { request, response, signal } = exchange
  const { id: image, sizeBytes } = facts
  const { layer } = file
  const reader = new LayerReader({ ...deps, layer })
  const inTheirName = { image, headers: request.rawHeaders, sizeBytes, patienceMs: 0 }
  const fromGlance = (offset: number, options: { signal: AbortSignal }) =>
    glanceBytes(deps, { ...inTheirName, ...options, offset })
  const layerFile = new LayerFile({ ...deps, layer, reader, fromGlance }, { image, patienceMs, giveUpMs, signal })
  let sentBytes = 0
  try {
    // Glance's date counts.
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
    throw gatewayError('SHOAL_GATEWAY_CUT', { image, sentBytes, reason: errorMessage(error) }, error)
  } finally {
    await layerFile[Symbol.asyncDispose]()
    const { glanceBytes: fetched } = layerFile
    deps.counters.sent({ layerBytes: Math.max(0, sentBytes - fetched), glanceBytes: fetched })
    if (layerFile.storedBytes > 0) deps.onStored(file)
  }
}
