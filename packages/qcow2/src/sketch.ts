import { hash } from 'node:crypto'
import type { GuestDisk } from './disk-image.ts'

/** The unit that is compared: the block of common file systems. */
const BLOCK_BYTES = 4096
/** Blocks are read in chunks, so that few compressed clusters are touched. */
const CHUNK_BYTES = 64 * 1024
/** One chunk of so many is in a sketch. */
const ONE_OF = 32
/** More chunks than that are thinned out: 64 MiB of reads. */
const MAX_CHUNKS = 1024
const ENTRY_BYTES = 16
const ZERO_BLOCK = Buffer.alloc(BLOCK_BYTES)

/**
 * A sample of the content of a disk: 64-bit hashes of guest blocks at places that are the same for every disk, so that sketches can be
 * compared without their disks (sampling by place, as images with a common base keep its blocks where they were). Blocks of zeros are
 * not in it.
 */
export class Sketch {
  readonly #hashes: ReadonlyMap<number, bigint>

  constructor(hashes: ReadonlyMap<number, bigint>) {
    this.#hashes = hashes
  }

  /** Reads a 32nd of what is stored, 64 MiB at most. */
  static async of(disk: GuestDisk, options: { signal?: AbortSignal | undefined } = {}): Promise<Sketch> {
    const hashes = new Map<number, bigint>()
    for (const chunk of await sampledChunks(disk, options)) {
      const bytes = await disk.read(chunk * CHUNK_BYTES, CHUNK_BYTES, options)
      for (let at = 0; at + BLOCK_BYTES <= bytes.length; at += BLOCK_BYTES) {
        const block = bytes.subarray(at, at + BLOCK_BYTES)
        if (block.equals(ZERO_BLOCK)) continue
        const digest = hash('sha256', block, 'buffer')
        hashes.set((chunk * CHUNK_BYTES + at) / BLOCK_BYTES, digest.readBigUInt64BE(0))
      }
    }
    return new Sketch(hashes)
  }

  /** Reads what {@link encode} wrote. */
  static decode(text: string): Sketch {
    const bytes = Buffer.from(text, 'base64')
    const hashes = new Map<number, bigint>()
    for (let at = 0; at + ENTRY_BYTES <= bytes.length; at += ENTRY_BYTES) {
      hashes.set(Number(bytes.readBigUInt64BE(at)), bytes.readBigUInt64BE(at + 8))
    }
    return new Sketch(hashes)
  }

  /** Base64 of 16 bytes a block: its number and its hash, big-endian. */
  encode(): string {
    const bytes = Buffer.alloc(this.#hashes.size * ENTRY_BYTES)
    let at = 0
    for (const [block, digest] of this.#hashes) {
      bytes.writeBigUInt64BE(BigInt(block), at)
      bytes.writeBigUInt64BE(digest, at + 8)
      at += ENTRY_BYTES
    }
    return bytes.toString('base64')
  }

  /** Blocks in the sample. */
  get size(): number {
    return this.#hashes.size
  }

  /** The estimated share, 0 to 1, of this disk's blocks that a base has at the same place. */
  sharedWith(base: Sketch): number {
    let shared = 0
    for (const [block, digest] of this.#hashes) shared += base.#hashes.get(block) === digest ? 1 : 0
    return this.#hashes.size === 0 ? 0 : shared / this.#hashes.size
  }
}

/** Which chunks to read: those that are stored and that the sample takes by their place alone. */
async function sampledChunks(disk: GuestDisk, options: { signal?: AbortSignal | undefined }): Promise<number[]> {
  let chunks = new Set<number>()
  let oneOf = ONE_OF
  for await (const { start, length } of disk.stored(0, disk.virtualSizeBytes, options)) {
    const last = Math.floor((start + length - 1) / CHUNK_BYTES)
    for (let chunk = Math.floor(start / CHUNK_BYTES); chunk <= last; chunk += 1) {
      if (scatter(chunk) % oneOf === 0) chunks.add(chunk)
    }
    while (chunks.size > MAX_CHUNKS) {
      // What a thinner sample takes, every thicker one takes as well: sketches of disks of different sizes stay comparable.
      oneOf *= 2
      chunks = new Set([...chunks].filter((chunk) => scatter(chunk) % oneOf === 0))
    }
  }
  return [...chunks].sort((one, other) => one - other)
}

/** Spreads consecutive numbers over 32 bits (the finaliser of MurmurHash3). */
function scatter(number: number): number {
  let mixed = number | 0
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
