import { ShoalError } from '@shoal/core'
import type { Verdict } from './verdict.ts'

/** Throws the error of the first check that failed, if any did. */
export function assertAccepted({ checks }: Verdict): void {
  for (const { outcome, code, message, hint, details } of checks) {
    if (outcome === 'failed') throw new ShoalError(code ?? '', message ?? '', { hint: hint ?? '', details })
  }
}
