import type { Client, Layer } from '@shoal/api'
import { type Digest, errorCode, isDigest } from '@shoal/core'
import { cliError } from '../errors.ts'
import { readAll } from '../page-reader.ts'
import { resolveImage } from './image.ts'

const PREFIX = /^(?:sha256:)?([0-9a-f]{8,64})$/
const NAMED_AT_MOST = 5

/**
 * The layer of a digest, of a prefix of one (8 hexadecimal digits or more), or of an image's id or name: of its chain, the topmost.
 * Throws `SHOAL_CLI_LAYER_UNKNOWN`, `SHOAL_CLI_LAYER_AMBIGUOUS`, `SHOAL_CLI_IMAGE_NOT_PUBLISHED` or `SHOAL_CLI_IMAGE_AMBIGUOUS`.
 */
export async function resolveLayer(client: Client, text: string, options: { signal: AbortSignal }): Promise<Layer> {
  const { signal } = options
  const digest = await resolveDigest(client, text, options)
  return client.showLayer({ params: { layer: digest }, signal })
}

/** As `resolveLayer`, but a whole digest is taken as it is, without asking. */
export async function resolveDigest(client: Client, text: string, options: { signal: AbortSignal }): Promise<string> {
  const { signal } = options
  if (isDigest(text)) return text
  if (PREFIX.test(text)) {
    const layers = await readAll(
      (query) => client.listLayers({ query, signal }),
      (page) => page.layers,
    )
    const found = matchDigest(
      text,
      layers.map((layer) => layer.digest),
    )
    if (found !== undefined) return found
  }
  return layerOfImage(client, text, signal)
}

/** The one digest that starts with `text`, if `text` is a prefix at all. Throws `SHOAL_CLI_LAYER_AMBIGUOUS`. */
export function matchDigest(text: string, digests: readonly string[]): string | undefined {
  const hex = PREFIX.exec(text)?.[1]
  if (hex === undefined) return undefined
  const matching = digests.filter((digest) => digest.startsWith(`sha256:${hex}`))
  if (matching.length < 2) return matching[0]
  const shown = matching.slice(0, NAMED_AT_MOST).map(shortDigest)
  if (matching.length > NAMED_AT_MOST) shown.push('...')
  throw cliError('SHOAL_CLI_LAYER_AMBIGUOUS', { layer: text, count: matching.length, digests: shown.join(', ') })
}

/** The first 12 digits: enough to tell layers apart, and accepted wherever a layer is named. */
export function shortDigest(digest: Digest | string): string {
  return digest.slice('sha256:'.length, 'sha256:'.length + 12)
}

async function layerOfImage(client: Client, text: string, signal: AbortSignal): Promise<string> {
  try {
    const image = await resolveImage(client, text, { signal })
    const top = image.chain.at(-1)
    if (top !== undefined) return top
    if (image.status === 'deleted') throw cliError('SHOAL_CLI_IMAGE_DELETED', { image: text })
    const state = image.import === null ? 'it was never imported' : `its import is ${image.import.state}`
    throw cliError('SHOAL_CLI_IMAGE_NOT_PUBLISHED', { image: text, state })
  } catch (error) {
    if (errorCode(error) !== 'SHOAL_CLI_IMAGE_UNKNOWN') throw error
    throw cliError('SHOAL_CLI_LAYER_UNKNOWN', { layer: text })
  }
}
