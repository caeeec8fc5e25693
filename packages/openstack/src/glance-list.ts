import type { Logger } from '@shoal/core'
import { openstackError } from './errors.ts'
import { type GlanceConnection, nonsense } from './glance-connection.ts'
import { type GlanceImage, parseImage } from './glance-image.ts'

export interface ListOptions {
  signal?: AbortSignal | undefined
  /** Only images that changed at or after this time (ISO 8601). Deletions never show. */
  updatedSince?: string | undefined
  /** Images a request asks for; Glance may give fewer. Default 100. */
  pageSize?: number | undefined
  /** Ends after so many images. */
  limit?: number | undefined
  /** Glance's filter. Default: all that the token sees but other projects' community images. */
  visibility?: 'public' | 'private' | 'shared' | 'community' | 'all' | undefined
}

const MAX_PAGE_BYTES = 32 * 1024 * 1024
/** No cloud has more; a list that goes on after that repeats itself. */
const MAX_IMAGES = 1_000_000
/** How often a list starts again because the image a page ended with was deleted. */
const MAX_RESTARTS = 5

/** Follows the pages of GET /v2/images. Records that make no sense are logged and left out. */
export async function* listImages(
  deps: { connection: GlanceConnection; logger: Logger },
  options: ListOptions,
): AsyncGenerator<GlanceImage> {
  const { signal, limit = Number.POSITIVE_INFINITY } = options
  let marker: string | undefined
  let count = 0
  let restarts = 0
  /** Records, those that make no sense among them; an empty page counts as one, for it may name a next one for ever. */
  let received = 0
  while (count < limit) {
    const page = await fetchPage(deps.connection, options, marker)
    if (page === 'marker gone') {
      restarts += 1
      if (restarts > MAX_RESTARTS) throw openstackError('SHOAL_GLANCE_PROTOCOL', { url: 'the list', reason: 'no end' })
      marker = undefined
      continue
    }
    received += Math.max(page.images.length, 1)
    for (const json of page.images) {
      const image = parseImage(json)
      if (image === undefined) {
        deps.logger.warn({ id: String((json as { id?: unknown } | null)?.id).slice(0, 100) }, 'glance record ignored')
        continue
      }
      signal?.throwIfAborted()
      yield image
      count += 1
      if (count >= limit) return
    }
    if (received > MAX_IMAGES || (page.next !== undefined && page.next === marker)) {
      throw nonsense(page.url, 'a list of images that does not end')
    }
    if (page.next === undefined) return
    marker = page.next
  }
}

async function fetchPage(connection: GlanceConnection, options: ListOptions, marker: string | undefined) {
  // Oldest first: an image that is created meanwhile is then on a page still to come.
  const query = new URLSearchParams({ limit: String(options.pageSize ?? 100), sort: 'created_at:asc,id:asc' })
  if (options.visibility !== undefined) query.set('visibility', options.visibility)
  if (options.updatedSince !== undefined) query.set('updated_at', `gt:${secondBefore(options.updatedSince)}`)
  if (marker !== undefined) query.set('marker', marker)
  const { signal } = options
  const { status, json, url } = await connection.getJson(`/images?${query}`, { maxBytes: MAX_PAGE_BYTES, signal })
  if (marker !== undefined && (status === 400 || status === 404)) return 'marker gone' as const
  if (status === 403) throw openstackError('SHOAL_GLANCE_FORBIDDEN', { image: '(the list of images)' })
  if (status !== 200) throw nonsense(url, `status ${status} to a list of images`)
  const { images, next } = (json ?? {}) as { images?: unknown; next?: unknown }
  if (!Array.isArray(images)) throw nonsense(url, 'a list without images')
  // Only the marker of `next` is used: its path may be that of a proxy, or of someone else.
  const nextMarker = typeof next === 'string' ? URL.parse(next, url)?.searchParams.get('marker') : undefined
  return { url, images: images as unknown[], next: nextMarker ?? undefined }
}

/** Glance's times have whole seconds, so that "later than" would miss what happened within the same one. */
function secondBefore(time: string): string {
  const at = Date.parse(time)
  if (Number.isNaN(at)) throw new TypeError(`updatedSince ${time}`)
  return `${new Date(Math.floor(at / 1000) * 1000 - 1000).toISOString().slice(0, 19)}Z`
}
