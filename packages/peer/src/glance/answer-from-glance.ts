import type { IncomingMessage } from 'node:http'
import { errorMessage, type Logger } from '@shoal/core'
import { gatewayError } from './errors.ts'
import { type Exchange, throwIfOver } from './exchange.ts'
import type { GlanceDownload } from './find-download.ts'
import { type GlanceBytesDeps, glanceBytes } from './glance-bytes.ts'
import type { GlanceLimit } from './glance-limit.ts'
import { endToEnd } from './hop-headers.ts'
import { wholeHead } from './image-access.ts'
import type { GatewayCounters } from './metrics.ts'
import { askAsCaller, beginAnswer } from './pass-through.ts'
import { writeAll } from './send-file.ts'

export interface AnswerFromGlanceDeps extends GlanceBytesDeps {
  readonly counters: Pick<GatewayCounters, 'sent' | 'passed'>
  readonly logger: Logger
}

/**
 * Has Glance answer a download, under the limit. Where it gives all of an image, a cut of its own is mended for so
 * long. Rejects with `SHOAL_GATEWAY_CUT`, or when the exchange is over.
 */
export async function answerFromGlance(
  exchange: Exchange,
  { reason, facts }: GlanceDownload,
  deps: AnswerFromGlanceDeps,
  { image, patienceMs }: { image: string; patienceMs: number },
): Promise<void> {
  const { request, response, signal } = exchange
  deps.counters.passed(reason)
  deps.logger.info({ image, reason }, 'a download is answered by Glance')
  const answer = await askAsCaller(exchange, deps.upstream)
  const sizeBytes = wholeSize(answer, facts?.sizeBytes)
  const hasLength = sizeBytes === undefined || answer.headers['content-length'] !== undefined
  beginAnswer(exchange, answer, hasLength ? undefined : wholeHead(endToEnd(answer.rawHeaders), sizeBytes))
  const mended = { image, headers: request.rawHeaders, offset: 0, answer, patienceMs, signal }
  let sentBytes = 0
  try {
    const bytes =
      sizeBytes === undefined ? limited(answer, deps.limit, signal) : glanceBytes(deps, { ...mended, sizeBytes })
    for await (const chunk of bytes) {
      await writeAll(response, chunk)
      sentBytes += chunk.length
    }
    response.end()
  } catch (error) {
    answer.destroy()
    throwIfOver(exchange)
    throw gatewayError('SHOAL_GATEWAY_CUT', { image, sentBytes, reason: errorMessage(error) }, error)
  } finally {
    const isData = answer.statusCode === 200 || answer.statusCode === 206
    if (isData) deps.counters.sent({ layerBytes: 0, glanceBytes: sentBytes })
  }
}

/** The size of an image of which this is all; `undefined` when the answer is something else, or nobody says. */
function wholeSize({ statusCode, headers }: IncomingMessage, known: number | undefined): number | undefined {
  if (statusCode !== 200 || headers['content-encoding'] !== undefined) return undefined
  // Debian's own set-up of Glance takes the length out of its answers.
  const length = headers['content-length']
  return length === undefined ? known : Number(length)
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
