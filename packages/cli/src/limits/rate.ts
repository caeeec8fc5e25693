import { LIMIT_RANGE } from '@shoal/api'
import { BYTE_UNITS } from '../format/byte-units.ts'

const BITS = [
  ['Tbit', 1e12],
  ['Gbit', 1e9],
  ['Mbit', 1e6],
  ['kbit', 1e3],
  ['bit', 1],
] as const
/** Bytes per second of each unit, by its name in lower case. */
const FACTORS = new Map<string, number>([
  ...BYTE_UNITS.map(([name, bytes]): [string, number] => [name.toLowerCase(), bytes]),
  ...BITS.map(([name, bits]): [string, number] => [name.toLowerCase(), bits / 8]),
])
const EXAMPLES = '50MB/s, 50MiB/s or 400Mbit/s'

/**
 * A limit as people write it: `50MB/s`, `1.5 GiB/s`, `400Mbit/s`; `none` is null, and `configured` stays as it is. Gives
 * what is wrong with it as `reason` otherwise.
 */
export function parseLimit(text: string): { limit: number | null | 'configured' } | { reason: string } {
  const trimmed = text.trim()
  if (trimmed === 'none') return { limit: null }
  if (trimmed === 'configured') return { limit: 'configured' }
  const [, digits, unit = ''] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)(?:\/s)?$/.exec(trimmed) ?? []
  if (digits === undefined) return { reason: `"${text}" is no rate: write ${EXAMPLES}, or none, or configured.` }
  if (unit === '') return { reason: `"${text}" has no unit: write ${EXAMPLES}.` }
  if (/[kmgt]?b(ps)?$/.test(unit) && !/B/.test(unit)) {
    return { reason: `"${text}" may be bits or bytes: write MB/s or Mbit/s.` }
  }
  const factor = FACTORS.get(unit.toLowerCase())
  if (factor === undefined) return { reason: `"${text}" has a unit that is not known: write ${EXAMPLES}.` }
  const limit = Math.round(Number(digits) * factor)
  if (limit === 0) return { reason: `"${text}" would stop everything for good: write none if there shall be no limit.` }
  if (limit < LIMIT_RANGE.minimum)
    return { reason: `"${text}" is below the least, ${formatLimit(LIMIT_RANGE.minimum)}.` }
  if (limit > LIMIT_RANGE.maximum)
    return { reason: `"${text}" is above the most, ${formatLimit(LIMIT_RANGE.maximum)}.` }
  return { limit }
}

/** Writes a limit so that it can be given again: exactly, with at most two decimals. `50 MB/s`, `16 KiB/s`; null is `none`. */
export function formatLimit(limit: number | null): string {
  if (limit === null) return 'none'
  const isShort = (factor: number) => limit >= factor && Number.isInteger((limit * 100) / factor)
  const [name, factor] = BYTE_UNITS.find(([, factor]) => isShort(factor)) ?? ['B', 1]
  return `${limit / factor} ${name}/s`
}
