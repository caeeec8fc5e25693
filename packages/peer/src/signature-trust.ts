import type { KeyObject } from 'node:crypto'
import { errorCode } from '@shoal/core'

/** Whose signatures are taken. */
export interface SignatureTrust {
  /** Public keys that are trusted now. */
  keys(): readonly KeyObject[]
  /** Learns which keys follow from these; true when there are others now. Never rejects. */
  refresh(options: { signal: AbortSignal }): Promise<boolean>
}

const UNTRUSTED: ReadonlySet<string> = new Set(['SHOAL_MANIFEST_SIGNATURE', 'SHOAL_BOOT_BLOCKS_SIGNATURE'])

/**
 * Decodes what is signed. Before it is refused on account of its key, the seed is asked whether that follows from a trusted one: a rotation may have
 * been faster than word of it. Throws what `decode` throws.
 */
export async function decodeTrusted<T>(
  trust: SignatureTrust,
  decode: (keys: readonly KeyObject[]) => T,
  options: { signal: AbortSignal },
): Promise<T> {
  try {
    return decode(trust.keys())
  } catch (error) {
    if (!UNTRUSTED.has(errorCode(error) ?? '') || !(await trust.refresh(options))) throw error
    return decode(trust.keys())
  }
}
