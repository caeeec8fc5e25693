import type { Client, Image } from '@shoal/api'
import { errorCode } from '@shoal/core'
import { cliError } from '../errors.ts'
import { readAll } from '../page-reader.ts'

const IMAGE_ID = /^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$/
const NAMED_AT_MOST = 5

/**
 * The image of an id or, failing that, of a name. Images that are gone from the library only count when no other has the name.
 * Throws `SHOAL_CLI_IMAGE_UNKNOWN` or `SHOAL_CLI_IMAGE_AMBIGUOUS`: names are not unique in Glance.
 */
export async function resolveImage(client: Client, text: string, options: { signal: AbortSignal }): Promise<Image> {
  const { signal } = options
  if (IMAGE_ID.test(text)) {
    try {
      return await client.showImage({ params: { image: text }, signal })
    } catch (error) {
      if (errorCode(error) !== 'SHOAL_IMAGE_UNKNOWN') throw error
    }
  }
  const images = await readAll(
    (query) => client.listImages({ query, signal }),
    (page) => page.images,
  )
  const named = images.filter((image) => image.name === text)
  const present = named.filter((image) => image.status !== 'deleted')
  const candidates = present.length > 0 ? present : named
  const [image] = candidates
  if (image === undefined) throw cliError('SHOAL_CLI_IMAGE_UNKNOWN', { image: text })
  if (candidates.length > 1) {
    const ids = candidates.slice(0, NAMED_AT_MOST).map(({ id }) => id)
    if (candidates.length > NAMED_AT_MOST) ids.push('...')
    throw cliError('SHOAL_CLI_IMAGE_AMBIGUOUS', { image: text, count: candidates.length, ids: ids.join(', ') })
  }
  return image
}
