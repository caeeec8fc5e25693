/** The bytes to send: from `start` up to but not including `end`. `whole` when no range was asked for. */
export type ByteRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly start: number; readonly end: number }
  | { readonly kind: 'several' }
  | { readonly kind: 'unsatisfiable' }

const RANGE = /^bytes *= *(\d*) *- *(\d*)/i

/**
 * Reads a Range header as Glance does (glance/common/wsgi.py `get_range_from_request`, webob's `Range.parse`):
 * several ranges are refused, nonsense counts as unsatisfiable, an end past the image is cut to it, and a suffix
 * longer than the image means all of it.
 */
export function parseByteRange(header: string | undefined, sizeBytes: number): ByteRange {
  if (header === undefined) return { kind: 'whole' }
  if (header.includes(',')) return { kind: 'several' }
  const [matched, first, last] = RANGE.exec(header) ?? []
  if (matched === undefined || (first === '' && last === '')) return { kind: 'unsatisfiable' }
  if (first === '') {
    const start = Math.max(0, sizeBytes - Number(last))
    // The last no bytes are none (RFC 9110, 14.1.2).
    return start < sizeBytes ? { kind: 'part', start, end: sizeBytes } : { kind: 'unsatisfiable' }
  }
  const start = Number(first)
  const end = last === '' ? sizeBytes : Math.min(Number(last) + 1, sizeBytes)
  if (start >= sizeBytes || start >= end) return { kind: 'unsatisfiable' }
  return { kind: 'part', start, end }
}
