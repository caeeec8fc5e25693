import { type BootBlocks, decodeBootBlocks, errorCode } from '@shoal/core'
import type { SeedLink } from '../seed-link.ts'
import { decodeTrusted, type SignatureTrust } from '../signature-trust.ts'

/**
 * Fetches what the boots of an image read, signed by a trusted key; `undefined` when the seed knows nothing of that.
 * Throws `SHOAL_BOOT_BLOCKS_*` and the client's errors.
 */
export async function fetchBootBlocks(
  seed: Pick<SeedLink, 'call'>,
  image: string,
  { trust, signal }: { trust: SignatureTrust; signal: AbortSignal },
): Promise<BootBlocks | undefined> {
  try {
    const encoded = await seed.call((client) => client.getBootProfile({ params: { image }, signal }))
    return await decodeTrusted(trust, (keys) => decodeBootBlocks(encoded, keys), { signal })
  } catch (error) {
    if (errorCode(error) === 'SHOAL_BOOT_PROFILE_UNKNOWN') return undefined
    throw error
  }
}
