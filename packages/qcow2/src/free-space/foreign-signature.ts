import type { GuestReader } from './guest-reader.ts'

/**
 * What else may own a partition in which an old ext superblock is still to be seen, and how it is known: all of these
 * begin elsewhere than at byte 1024 and need not overwrite it. (What is never mistaken, such as swap, is not here.)
 */
const SIGNATURES: readonly { readonly name: string; readonly offsets: readonly number[]; readonly magic: Buffer }[] = [
  { name: 'xfs', offsets: [0], magic: Buffer.from('XFSB') },
  { name: 'LUKS', offsets: [0], magic: Buffer.from('LUKS\xba\xbe', 'latin1') },
  { name: 'LVM', offsets: [0, 512, 1024, 1536], magic: Buffer.from('LABELONE') },
  // Version 1.1 and version 1.2: 0xa92b4efc.
  { name: 'Linux RAID', offsets: [0, 4096], magic: Buffer.from('fc4e2ba9', 'hex') },
  { name: 'bcache', offsets: [4096 + 24], magic: Buffer.from('c68573f64e1a45ca8265f57f48ba6d81', 'hex') },
  { name: 'btrfs', offsets: [64 * 1024 + 64], magic: Buffer.from('_BHRfS_M') },
  // The name of the first pair of the list in the first label.
  { name: 'zfs', offsets: [16 * 1024 + 24], magic: Buffer.from('version\0') },
  { name: 'ISO 9660', offsets: [32 * 1024 + 1], magic: Buffer.from('CD001') },
]

/** The name of something other than ext whose signature a partition has. */
export async function findForeignSignature(guest: GuestReader): Promise<string | undefined> {
  for (const { name, offsets, magic } of SIGNATURES) {
    for (const offset of offsets) {
      if (offset + magic.length > guest.sizeBytes) continue
      if (magic.equals(await guest.read(offset, magic.length))) return name
    }
  }
  return undefined
}
