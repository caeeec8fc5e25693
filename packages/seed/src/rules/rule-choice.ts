import { MAX_PLAN_IMAGES } from '@shoal/api'
import type { Catalogue } from '../images/catalogue.ts'
import type { ImageRecord } from '../images/image-record.ts'
import { isMeant, isUsable, newestFirst, publishedAt } from './rule-images.ts'
import type { RuleRecord } from './rule-record.ts'

/** What a rule would prefetch now. */
export interface RuleChoice {
  readonly images: readonly ImageRecord[]
  /** Of the images that wait, those that need not wait any longer once these are prefetched. */
  readonly handled: readonly string[]
}

type Images = Pick<Catalogue, 'image' | 'images'>

/**
 * Of the new images that were published until then, those to prefetch. When only the newest one counts, an old image
 * that is imported late is passed over: it is not the newest of those that the rule means.
 */
export function chooseWaiting({ request, waiting }: RuleRecord, catalogue: Images, untilMs: number): RuleChoice {
  const waits = new Set(waiting)
  const known = catalogue.images().filter((record) => isMeant(request.images, record.image))
  const published = newestFirst(known.filter((record) => Date.parse(publishedAt(record) ?? '') <= untilMs))
  const fresh = published.filter(({ image }) => waits.has(image.id))
  if (request.images.newestOnly !== false && fresh.length > 0) {
    const until = new Set(published.map(({ image }) => image.id))
    return { images: fresh.filter((record) => record === published[0]), handled: waiting.filter((id) => until.has(id)) }
  }
  const images = fresh.slice(0, MAX_PLAN_IMAGES)
  const done = new Set(images.map(({ image }) => image.id))
  // A deactivated image may be back in time; one that was deleted or is no longer meant is not waited for.
  const kept = new Set(known.flatMap(({ image, deletedAt }) => (deletedAt === null ? [image.id] : [])))
  return { images, handled: waiting.filter((id) => done.has(id) || !kept.has(id)) }
}

/** Of all images, those to prefetch now. A rule on new images means published ones only; plans import the others. */
export function chooseAll({ request }: RuleRecord, catalogue: Images): RuleChoice {
  const { newestOnly = true } = request.images
  const isOffered = request.on === 'schedule' ? isUsable : (record: ImageRecord) => publishedAt(record) !== undefined
  const meant = catalogue.images().filter((record) => isMeant(request.images, record.image) && isOffered(record))
  return { images: newestFirst(meant).slice(0, newestOnly ? 1 : MAX_PLAN_IMAGES), handled: [] }
}
