import { HttpFault } from './http-fault.ts'
import type { ImageView } from './image-view.ts'

type Test = (image: ImageView) => boolean

const COMPARE: Record<string, (a: number, b: number) => boolean> = {
  eq: (a, b) => a === b,
  neq: (a, b) => a !== b,
  gt: (a, b) => a > b,
  gte: (a, b) => a >= b,
  lt: (a, b) => a < b,
  lte: (a, b) => a <= b,
}
const LISTABLE = ['id', 'name', 'status', 'container_format', 'disk_format']

/** The test that a query's filters make together, as Glance reads them; an unknown name is a property's. */
export function imageFilter(query: URLSearchParams): Test {
  const tests: Test[] = []
  const hidden = readBoolean(query, 'os_hidden') ?? false
  tests.push((image) => image.os_hidden === hidden)
  if (!query.has('visibility')) tests.push((image) => image.visibility !== 'community')
  for (const [key, value] of query) tests.push(readFilter(query, key, value))
  return (image) => tests.every((test) => test(image))
}

function readFilter(query: URLSearchParams, key: string, value: string): Test {
  switch (key) {
    case 'os_hidden':
      return () => true
    case 'protected': {
      const wanted = readBoolean(query, key)
      return (image) => image.protected === wanted
    }
    case 'visibility':
      if (!['public', 'private', 'shared', 'community', 'all'].includes(value)) {
        throw new HttpFault(400, `Invalid visibility value: ${value}`)
      }
      return (image) => value === 'all' || image.visibility === value
    case 'tag':
      return (image) => image.tags.includes(value.trim())
    case 'size_min':
    case 'size_max': {
      if (!/^\d+$/.test(value)) throw new HttpFault(400, `Unable to filter on a range with a non-numeric value.`)
      const sign = key === 'size_min' ? 1 : -1
      return (image) => image.size !== null && (image.size - Number(value)) * sign >= 0
    }
    case 'created_at':
    case 'updated_at':
      return timeFilter(key, value)
    case 'changes-since':
      throw new HttpFault(400, 'The "changes-since" filter is no longer available on v2.')
  }
  if (LISTABLE.includes(key) && value.startsWith('in:')) {
    const wanted = value
      .slice('in:'.length)
      .split(',')
      .map((part) => part.replace(/^"(.*)"$/, '$1'))
    return (image) => wanted.includes(String(image[key]))
  }
  const wanted = LISTABLE.includes(key) && value.startsWith('eq:') ? value.slice('eq:'.length) : value
  return (image) => image[key] !== undefined && image[key] !== null && String(image[key]) === wanted
}

/** `gt:2026-01-31T12:00:00Z` and the like; a time alone means `eq`, one without a zone means UTC. */
function timeFilter(key: 'created_at' | 'updated_at', value: string): Test {
  const separator = value.indexOf(':')
  const name = value.slice(0, separator)
  const compare = COMPARE[name]
  const text = compare === undefined ? value : value.slice(separator + 1)
  const time = Date.parse(/(?:Z|[+-]\d\d:?\d\d)$/i.test(text) || !text.includes('T') ? text : `${text}Z`)
  if (Number.isNaN(time)) throw new HttpFault(400, `Invalid time format: ${text}.`)
  return (image) => (compare ?? Object.is)(Date.parse(image[key]), time)
}

function readBoolean(query: URLSearchParams, key: string): boolean | undefined {
  const value = query.get(key)?.toLowerCase()
  if (value === undefined) return undefined
  if (value === 'true' || value === 'false') return value === 'true'
  throw new HttpFault(400, `Invalid value '${value}' for '${key}' filter. Valid values are 'true' or 'false'.`)
}
