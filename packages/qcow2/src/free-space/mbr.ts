/** Sector numbers of partition tables count 512 bytes: that is what QEMU's disks have unless told otherwise. */
export const SECTOR_BYTES = 512
const TABLE_OFFSET = 446
const ENTRY_BYTES = 16
const SIGNATURE_OFFSET = 510
const SIGNATURE = 0xaa55
const ACTIVE = 0x80
/** The whole disk belongs to a GPT. */
const PROTECTIVE = 0xee
/** Extended partitions: with CHS addresses, with LBA addresses, and Linux's own. */
const EXTENDED: readonly number[] = [0x05, 0x0f, 0x85]

/** An entry of a master or extended boot record. */
export interface MbrEntry {
  readonly isProtective: boolean
  readonly isExtended: boolean
  readonly firstSector: number
  /** 0 for an entry that is not used. */
  readonly sectors: number
}

/**
 * The four entries of a boot record's partition table (UEFI specification 2.10, section 5.2.1), or `undefined` for a
 * sector that is none. The boot sector of a file system has the signature too, but code where a table has its entries:
 * as Linux does, a record is believed only when each entry is either active or not.
 */
export function readMbr(sector: Buffer): MbrEntry[] | undefined {
  if (sector.readUInt16LE(SIGNATURE_OFFSET) !== SIGNATURE) return undefined
  const entries: MbrEntry[] = []
  for (let at = TABLE_OFFSET; at < SIGNATURE_OFFSET; at += ENTRY_BYTES) {
    const status = sector.readUInt8(at)
    if (status !== 0 && status !== ACTIVE) return undefined
    const type = sector.readUInt8(at + 4)
    entries.push({
      isProtective: type === PROTECTIVE,
      isExtended: EXTENDED.includes(type),
      firstSector: sector.readUInt32LE(at + 8),
      sectors: sector.readUInt32LE(at + 12),
    })
  }
  return entries
}
