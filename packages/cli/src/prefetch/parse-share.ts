import { cliError } from '../errors.ts'

const SHARE = /^(\d{1,3}(?:\.\d{1,6})?)\s*(%?)$/

/** A share as people write it, from 0 to 1: `90%`, `0.9`. Throws `SHOAL_CLI_USAGE`, whose hint names `command`. */
export function parseShare(text: string, command = 'shoal'): number {
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason: `"${text}" ${reason}.`, command })
  const [, digits, sign] = SHARE.exec(text.trim()) ?? []
  if (digits === undefined) throw fail('is no share: write 90% or 0.9')
  const value = Number(digits)
  if (sign === '%') {
    if (value > 100) throw fail('is more than all: write 100% at most')
    return value / 100
  }
  if (value === 1) throw fail('may be 1 % or all: write 1% or 100%')
  if (value > 1) throw fail(`may be a count, and a share is wanted: write ${digits}%`)
  return value
}
