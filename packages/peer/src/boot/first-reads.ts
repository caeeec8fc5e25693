import { Bitfield, blockCount, type Digest, type Manifest } from '@shoal/core'
import type { ProfileCount } from './profile-hits.ts'
import { MAX_BOOT_MS, MIN_BOOT_BYTES, QUIET_MS } from './recorder.ts'

export interface FirstReadsDeps {
  /** Whether a profile names what a byte of a layer's file is in; `undefined`: there is no profile, or none of it. */
  foretells(layer: Digest, offset: number): boolean | undefined
  /** Blocks were read of which none was read before. */
  onFirst(blocks: ProfileCount): void
  /** The machine has booted, and has read so many in all. */
  onBooted(blocks: ProfileCount): void
}

/**
 * Notes which blocks of its layers a machine reads while it boots, each at its first read, here already or not, and
 * whether the profile of its image had named them. What it reads when it has booted is its work and not noted: as with
 * recordings, of which profiles are made. It is called for every read and allocates nothing unless there is news.
 */
export class FirstReads {
  readonly #deps: FirstReadsDeps
  /** A bit for each block of a layer; dropped when the machine has booted. */
  readonly #read = new Map<Digest, Bitfield>()
  #firstMs: number | undefined
  #lastMs: number | undefined
  #bytes = 0
  #isBooted = false
  #foretold = 0
  #others = 0

  constructor(deps: FirstReadsDeps) {
    this.#deps = deps
  }

  /** A read begins, at that time by a clock of its own. */
  begin(atMs: number): void {
    if (this.#isBooted) return
    this.#firstMs ??= atMs
    const isLater = atMs - this.#firstMs >= MAX_BOOT_MS
    const wasQuiet = atMs - (this.#lastMs ?? atMs) >= QUIET_MS
    this.#lastMs = Math.max(this.#lastMs ?? atMs, atMs)
    if (!isLater && !wasQuiet) return
    // Somebody has looked at the disk; the boot begins now.
    if (this.#bytes < MIN_BOOT_BYTES) {
      this.#firstMs = atMs
      this.#bytes = 0
      return
    }
    this.#isBooted = true
    this.#read.clear()
    this.#deps.onBooted({ foretold: this.#foretold, others: this.#others })
  }

  /** Bytes of a layer's file are read. */
  touch(manifest: Manifest, offset: number, length: number): void {
    if (this.#isBooted) return
    this.#bytes += length
    const read = this.#blocksOf(manifest)
    const { blockLengthBytes } = manifest
    const end = Math.min(Math.ceil((offset + length) / blockLengthBytes), read.length)
    let foretold = 0
    let others = 0
    for (let block = Math.floor(offset / blockLengthBytes); block < end; block += 1) {
      if (!read.set(block)) continue
      // The profile may be cut into smaller blocks: what counts is that which is read.
      const isForetold = this.#deps.foretells(manifest.digest, Math.max(offset, block * blockLengthBytes))
      if (isForetold === true) foretold += 1
      else if (isForetold === false) others += 1
    }
    if (foretold + others === 0) return
    this.#foretold += foretold
    this.#others += others
    this.#deps.onFirst({ foretold, others })
  }

  #blocksOf(manifest: Manifest): Bitfield {
    const known = this.#read.get(manifest.digest)
    if (known !== undefined) return known
    const blocks = new Bitfield(blockCount(manifest))
    this.#read.set(manifest.digest, blocks)
    return blocks
  }
}
