import { cliError } from '../errors.ts'
import { BYTE_UNITS } from './byte-units.ts'

const FACTORS = new Map<string, number>(
  BYTE_UNITS.map(([name, bytes]): [string, number] => [name.toLowerCase(), bytes]),
)
const SIZE = /^(\d{1,16}(?:\.\d{1,6})?)\s*([A-Za-z]*)$/
const EXAMPLES = '10GiB, 500 MB or 4096 for bytes'

/** A size as people write it, in bytes: `10GiB`, `1.5 TB`, `4096`. Throws `SHOAL_CLI_USAGE`, whose hint names `command`. */
export function parseSize(text: string, command = 'shoal'): number {
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason: `"${text}" ${reason}.`, command })
  const [, digits, unit = ''] = SIZE.exec(text.trim()) ?? []
  if (digits === undefined) throw fail(`is no size: write ${EXAMPLES}`)
  const factor = FACTORS.get(unit === '' ? 'b' : unit.toLowerCase())
  if (factor === undefined) throw fail(`has a unit that is not known: write ${EXAMPLES}`)
  const bytes = Math.round(Number(digits) * factor)
  if (bytes === 0) throw fail('is nothing')
  if (bytes > Number.MAX_SAFE_INTEGER) throw fail('is more than any disk has')
  return bytes
}
