import { errorCode, errorMessage, type Logger } from '@shoal/core'
import type { Exchange } from './exchange.ts'
import { values } from './hop-headers.ts'
import type { ImageAccess, ImageRequest } from './image-access.ts'
import type { ImageFacts } from './image-facts.ts'
import { type HeldFile, type ImageFiles, isPassed } from './image-files.ts'
import type { PassReason } from './pass-reason.ts'

/** A download that may be answered from a layer, which is held. */
export interface LayerDownload {
  readonly facts: ImageFacts
  readonly file: HeldFile
}

/** A download that Glance itself answers. */
export interface GlanceDownload {
  readonly reason: PassReason
  /** As far as they are known. */
  readonly facts?: ImageFacts | undefined
}

export interface FindDownloadDeps {
  readonly access: Pick<ImageAccess, 'facts'>
  readonly files: Pick<ImageFiles, 'open'>
  readonly logger: Logger
}

/**
 * Finds out who answers a download. Rejects with the signal's reason alone: whatever goes wrong here, Glance may still
 * answer.
 */
export async function findDownload(
  exchange: Exchange,
  asked: ImageRequest,
  { access, files, logger }: FindDownloadDeps,
): Promise<LayerDownload | GlanceDownload> {
  if (!isPlain(exchange)) return { reason: 'not-plain' }
  const { signal, image } = asked
  let facts: ImageFacts | undefined
  try {
    facts = await access.facts(asked)
    if (facts === undefined) return { reason: 'not-active' }
    // The seed gives a node an image that is not for all when a tenant asks for it: whose this download is, the token says.
    const [token] = values(asked.headers, 'x-auth-token')
    const file = await files.open(facts, { signal, token })
    return isPassed(file) ? { reason: file, facts } : { file, facts }
  } catch (error) {
    signal.throwIfAborted()
    const fields = { image, code: errorCode(error), reason: errorMessage(error) }
    logger.warn(fields, 'a download cannot be answered from a layer; Glance answers it')
    return { reason: 'fault', facts }
  }
}

/** A request for all of an image, with nothing in it that could change the answer. */
function isPlain({ request: { headers } }: Exchange): boolean {
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0) return false
  return !Object.keys(headers).some((name) => /^(range|content-range|if-.*|expect|upgrade)$/.test(name))
}
