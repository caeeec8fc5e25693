import { HttpFault } from './http-fault.ts'
import { imageFilter } from './image-filter.ts'
import type { ImageView } from './image-view.ts'

const DEFAULT_LIMIT = 25
const MAX_LIMIT = 1000
const SORT_KEYS = ['name', 'status', 'container_format', 'disk_format', 'size', 'id', 'created_at', 'updated_at']
const NOT_FILTERS = ['limit', 'marker', 'sort', 'sort_key', 'sort_dir', 'member_status']

/** The answer of `GET /v2/images`. */
export interface ImageList {
  readonly images: ImageView[]
  readonly first: string
  readonly schema: string
  readonly next?: string
}

/**
 * One page of the images that a query asks for, with Glance's defaults: newest first, 25 a page, no hidden and
 * no community images unless asked for. A page that is exactly full names a next one, even when that is empty.
 */
export function listImages(all: readonly ImageView[], query: URLSearchParams): ImageList {
  const limit = readLimit(query.get('limit'))
  const matching = all.filter(imageFilter(withoutKeys(query, NOT_FILTERS))).sort(readOrder(query))
  const marker = query.get('marker')
  const before = marker === null ? -1 : matching.findIndex((image) => image.id === marker)
  if (marker !== null && before === -1) throw new HttpFault(400, `Failed to find image ${marker}`)
  const images = matching.slice(before + 1, before + 1 + limit)
  const base = withoutKeys(query, ['marker'])
  const list = { images, first: link(base), schema: '/v2/schemas/images' }
  const last = images.at(-1)
  if (last === undefined || images.length < limit) return list
  base.set('marker', last.id)
  return { ...list, next: link(base) }
}

function link(query: URLSearchParams): string {
  return query.size === 0 ? '/v2/images' : `/v2/images?${query}`
}

function withoutKeys(query: URLSearchParams, keys: readonly string[]): URLSearchParams {
  return new URLSearchParams([...query].filter(([key]) => !keys.includes(key)))
}

function readLimit(text: string | null): number {
  if (text === null) return DEFAULT_LIMIT
  if (!/^[+-]?\d+$/.test(text)) throw new HttpFault(400, 'limit param must be an integer')
  if (Number(text) < 0) throw new HttpFault(400, 'limit param must be positive')
  return Math.min(MAX_LIMIT, Number(text))
}

/** Both of Glance's syntaxes: `sort=name:asc,size` and `sort_key=name&sort_dir=asc`, repeated. */
function readOrder(query: URLSearchParams): (a: ImageView, b: ImageView) => number {
  const keys = query.getAll('sort_key')
  const directions = query.getAll('sort_dir')
  const sort = query.get('sort')
  if (sort !== null && keys.length + directions.length > 0) {
    throw new HttpFault(400, 'Old and new sorting syntax cannot be combined')
  }
  const pairs =
    sort === null
      ? (keys.length === 0 ? ['created_at'] : keys).map((key, i) => [key, directions[i] ?? directions[0] ?? 'desc'])
      : sort.split(',').map((part) => part.trim().split(':'))
  const order = pairs.map(([key = '', direction = 'desc']) => {
    if (!SORT_KEYS.includes(key)) throw new HttpFault(400, `Invalid sort key: ${key}.`)
    if (direction !== 'asc' && direction !== 'desc') throw new HttpFault(400, `Invalid sort direction: ${direction}`)
    return { key, sign: direction === 'asc' ? 1 : -1 }
  })
  // The id at the end makes the order total, which paging needs.
  order.push({ key: 'id', sign: order.at(-1)?.sign ?? -1 })
  return (a, b) => {
    for (const { key, sign } of order) {
      const compared = compare(a[key], b[key])
      if (compared !== 0) return compared * sign
    }
    return 0
  }
}

function compare(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  const [left, right] = [String(a ?? ''), String(b ?? '')]
  return left < right ? -1 : left > right ? 1 : 0
}
