import { ShoalError } from '@shoal/core'
import type { Verdict } from './verdict.ts'

/** Throws the error of the first check that failed, if any did. */
export function assertAccepted(verdict: Verdict): asserts verdict is Verdict & { readonly virtualSizeBytes: number } {
  for (const { outcome, code, message, hint, details } of verdict.checks) {
    if (outcome === 'failed') throw new ShoalError(code ?? '', message ?? '', { hint: hint ?? '', details })
  }
  if (verdict.virtualSizeBytes === null) throw new TypeError('a verdict without a fault and without a virtual size')
}
