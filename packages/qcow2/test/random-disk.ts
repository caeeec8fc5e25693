import { seededRandom } from '@shoal/core'

/** A disk with runs of zeros, of text that compresses, and of noise that does not, in blocks of 512 to 64 KiB. */
export function randomDisk(sizeBytes: number, seed: number): Buffer {
  const random = seededRandom(seed)
  const disk = Buffer.alloc(sizeBytes)
  for (let at = 0; at < sizeBytes; ) {
    const length = Math.min(512 * (1 + Math.floor(random() * 128)), sizeBytes - at)
    const kind = Math.floor(random() * 3)
    if (kind === 1) disk.fill(`text ${at} `, at, at + length)
    if (kind === 2)
      for (let byte = at; byte < at + length; byte += 4) disk.writeUInt32LE(Math.floor(random() * 2 ** 32), byte)
    at += length
  }
  return disk
}

/** The same disk with some runs changed to noise, zeros or text. */
export function changedDisk(disk: Buffer, sizeBytes: number, seed: number): Buffer {
  const random = seededRandom(seed)
  const changed = Buffer.concat([disk], sizeBytes)
  for (let change = 0; change < 12; change += 1) {
    const at = 512 * Math.floor((random() * sizeBytes) / 512)
    const end = Math.min(sizeBytes, at + 512 * (1 + Math.floor(random() * 200)))
    randomDisk(end - at, seed + change + 1).copy(changed, at)
  }
  return changed
}
