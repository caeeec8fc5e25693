import type { KeyObject } from 'node:crypto'
import type { SignatureTrust } from '../src/signature-trust.ts'

/** Trust in these keys, from which no others follow. */
export function trusting(...keys: KeyObject[]): SignatureTrust {
  return { keys: () => keys, refresh: async () => false }
}
