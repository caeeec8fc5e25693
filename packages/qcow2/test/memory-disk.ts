import { Chain } from '../src/chain.ts'
import { Qcow2Image } from '../src/qcow2-image.ts'
import type { RandomAccess, RandomWrite } from '../src/random-access.ts'
import { RawImage } from '../src/raw-image.ts'

/** Bytes in memory as a port; counts what is read. */
export function memoryAccess(bytes: Buffer): RandomAccess & { readBytes: number } {
  const access = {
    sizeBytes: bytes.length,
    readBytes: 0,
    read: async (offset: number, length: number) => {
      const part = bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length))
      access.readBytes += part.length
      return Buffer.from(part)
    },
  }
  return access
}

/** A raw disk of these bytes. */
export function rawDisk(bytes: Buffer): Chain {
  return new Chain([new RawImage(memoryAccess(bytes))])
}

/** Where an image is written in memory. */
export function memoryFile(): RandomWrite & { bytes(): Buffer } {
  let bytes = Buffer.alloc(0)
  return {
    write: async (offset, part) => {
      if (offset + part.length > bytes.length) bytes = Buffer.concat([bytes], offset + part.length)
      part.copy(bytes, offset)
    },
    bytes: () => bytes,
  }
}

/** The disk that qcow2 files in memory show, topmost first. */
export async function qcow2Disk(top: Buffer, ...below: Buffer[]): Promise<Chain> {
  const image = await Qcow2Image.open(memoryAccess(top))
  return new Chain([image, ...(await Promise.all(below.map((bytes) => Qcow2Image.open(memoryAccess(bytes)))))])
}
