import type { RuleImages } from '@shoal/api'
import type { GlanceImage } from '@shoal/openstack'
import type { ImageRecord } from '../images/image-record.ts'
import { matchesRule } from '../images/import-rules.ts'
import { isRetriable } from '../imports/import-fault.ts'

/** Whether a rule means an image: all of its conditions hold. */
export function isMeant({ id, name, tag, property }: RuleImages, image: GlanceImage): boolean {
  if (id !== undefined && image.id.toLowerCase() !== id.toLowerCase()) return false
  if (name !== undefined && !matchesName(name, image.name ?? '')) return false
  const rest = { ...(tag === undefined ? {} : { tag }), ...(property === undefined ? {} : { property }) }
  return matchesRule(image, [rest])
}

/** When an image was published; `undefined` while it is not, or is withdrawn. ISO 8601. */
export function publishedAt(record: ImageRecord): string | undefined {
  const { layer, import: past } = record
  if (!isActive(record) || layer === null || past?.state !== 'published') return undefined
  return past.finishedAt ?? undefined
}

/** Whether an image could be prefetched: it is active, and its bytes were not refused. */
export function isUsable(record: ImageRecord): boolean {
  const error = record.import?.error ?? null
  return isActive(record) && (error === null || isRetriable(error.code))
}

/**
 * Sorts images in place by when they were made, the newest first; those of the same second by when they were published.
 */
export function newestFirst(records: ImageRecord[]): ImageRecord[] {
  const keyed = (record: ImageRecord) => [madeAtMs(record.image), Date.parse(publishedAt(record) ?? '') || 0] as const
  return records.sort((a, b) => {
    const [aKey, bKey] = [keyed(a), keyed(b)]
    return bKey[0] - aKey[0] || bKey[1] - aKey[1] || (a.image.id < b.image.id ? -1 : 1)
  })
}

function isActive({ image, deletedAt }: ImageRecord): boolean {
  return image.status === 'active' && deletedAt === null
}

/** Libraries may leave times out. */
function madeAtMs({ createdAt, updatedAt }: GlanceImage): number {
  return Date.parse(createdAt) || Date.parse(updatedAt) || 0
}

/** Without a regular expression: one that is made of what people write can take for ever. */
function matchesName(pattern: string, name: string): boolean {
  const [head = '', ...rest] = pattern.split('*')
  const tail = rest.pop()
  if (tail === undefined) return name === head
  if (name.length < head.length + tail.length || !name.startsWith(head) || !name.endsWith(tail)) return false
  const middle = name.slice(head.length, name.length - tail.length)
  let at = 0
  for (const part of rest) {
    const found = middle.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return true
}
