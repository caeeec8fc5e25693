import type { BootProfile, Qcow2Image } from '@shoal/qcow2'

const MIB = 1024 ** 2

/** MiB of an image's file that a boot touches when whole units are fetched: the header, the tables, and where its reads lie. */
export async function touchedMiB(image: Qcow2Image, profile: BootProfile, unitBytes: number): Promise<number> {
  const units = new Set<number>()
  const touch = (offset: number, length: number) => {
    for (let unit = Math.floor(offset / unitBytes); unit * unitBytes < offset + length; unit += 1) units.add(unit)
  }
  const { l1Offset, l1Entries, clusterBytes } = image.header
  touch(0, clusterBytes)
  touch(l1Offset, l1Entries * 8)
  for (const { offset, length } of profile.reads) {
    for await (const extent of image.extents(offset, length)) {
      if (extent.kind === 'data') touch(extent.host, extent.length)
      if (extent.kind === 'compressed') touch(extent.host, extent.packedBytes)
    }
  }
  return Math.round((units.size * unitBytes) / MIB)
}
