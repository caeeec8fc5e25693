import { openstackError } from './errors.ts'
import { type GlanceConnection, nonsense } from './glance-connection.ts'
import { type GlanceImage, isImageId, parseImage } from './glance-image.ts'

export interface ShowOptions {
  signal?: AbortSignal | undefined
  /** How often to ask again when Glance does not answer. */
  retries?: number
}

/** The most that the record of an image may have. */
export const MAX_RECORD_BYTES = 4 * 1024 * 1024

/** One image, or `undefined` when there is none, or none that the token may see. */
export async function showImage(
  connection: GlanceConnection,
  id: string,
  { signal, retries }: ShowOptions = {},
): Promise<GlanceImage | undefined> {
  // Anything else could address another resource, for example with "..".
  if (!isImageId(id)) return undefined
  const request = { maxBytes: MAX_RECORD_BYTES, signal, ...(retries === undefined ? {} : { retries }) }
  const { status, json, url } = await connection.getJson(`/images/${id}`, request)
  if (status === 404 || status === 410) return undefined
  if (status === 403) throw openstackError('SHOAL_GLANCE_FORBIDDEN', { image: id })
  if (status !== 200) throw nonsense(url, `status ${status} to the record of an image`)
  const image = parseImage(json)
  if (image === undefined || image.id.toLowerCase() !== id.toLowerCase()) {
    throw nonsense(url, `a record of image ${id} that does not follow the v2 API`)
  }
  return image
}
