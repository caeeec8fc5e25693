import { Bitfield, blockSize, type Manifest } from '@shoal/core'

/** Which blocks of a layer are present, which of these are recorded durably, and which changes have yet to be. */
export class BlockLedger {
  readonly present: Bitfield
  readonly #manifest: Manifest
  readonly #onAbsent: (block: number) => void
  #durable: Bitfield
  #presentBytes = 0
  #unsaved: number[] = []
  #unsavedBytes = 0
  #savingBytes = 0
  #dropCount = 0
  #lossCount = 0

  /** `present` is what the records say; `onAbsent` is told of each block that is lost. */
  constructor(manifest: Manifest, present: Bitfield, onAbsent: (block: number) => void) {
    this.#manifest = manifest
    this.present = present
    this.#onAbsent = onAbsent
    this.#durable = new Bitfield(present.length, present.toBytes())
    for (const block of present.ones()) this.#presentBytes += blockSize(manifest, block)
  }

  get durableBlocks(): number {
    return this.#durable.count
  }

  get presentBytes(): number {
    return this.#presentBytes
  }

  get hasUnsaved(): boolean {
    return this.#unsaved.length > 0
  }

  /** Of the blocks that no save has begun with. */
  get unsavedBytes(): number {
    return this.#unsavedBytes
  }

  /** What a crash would cost now. */
  get volatileBytes(): number {
    return this.#unsavedBytes + this.#savingBytes
  }

  /** Whether the block was written and is not recorded as durable: then the page cache still has it. */
  isVolatile(block: number): boolean {
    return this.present.has(block) && !this.#durable.has(block)
  }

  /** Changes whenever a block became absent: what was read meanwhile may be bad. */
  get dropCount(): number {
    return this.#dropCount
  }

  /** Changes whenever everything not durable was lost: what was written meanwhile may be lost, too. */
  get lossCount(): number {
    return this.#lossCount
  }

  /** The block is in the file. Concurrent writers of one block both say so, with the same bytes; the first one counts. */
  add(block: number): void {
    if (!this.present.set(block)) return
    const size = blockSize(this.#manifest, block)
    this.#presentBytes += size
    this.#unsaved.push(block)
    this.#unsavedBytes += size
  }

  /** All blocks are in the file and recorded. */
  fill(): void {
    this.present.setAll()
    this.#durable.setAll()
    this.#presentBytes = this.#manifest.sizeBytes
    this.#clearUnsaved()
  }

  /** The block is bad: absent from now on, and to be recorded so. */
  drop(block: number): void {
    this.#clear(block)
    this.#unsaved.push(block)
  }

  dropAll(): void {
    this.#lossCount += 1
    for (const block of [...this.present.ones()]) this.drop(block)
  }

  /** The blocks to be saved; one of {@link saved}, {@link unsave} and {@link lose} ends it. */
  takeUnsaved(): number[] {
    const blocks = this.#unsaved
    this.#savingBytes = this.#unsavedBytes
    this.#clearUnsaved()
    return blocks
  }

  /** What is to be recorded for these blocks, each of which was dropped meanwhile or is here because it was, or is present. */
  durableWith(blocks: readonly number[]): Bitfield {
    const durable = new Bitfield(this.present.length, this.#durable.toBytes())
    for (const block of blocks) {
      if (this.present.has(block)) durable.set(block)
      else durable.clear(block)
    }
    return durable
  }

  saved(durable: Bitfield): void {
    this.#durable = durable
    this.#savingBytes = 0
  }

  /** Recording the blocks failed; they are in the file all the same. */
  unsave(blocks: number[]): void {
    this.#unsaved = blocks.concat(this.#unsaved)
    this.#unsavedBytes += this.#savingBytes
    this.#savingBytes = 0
  }

  /**
   * Syncing the file failed. The kernel reports a failed write-back once and then forgets the pages: whatever was not durable may be
   * lost, and a later sync that succeeds proves nothing about it.
   */
  lose(blocks: number[]): void {
    this.#lossCount += 1
    const unsaved = blocks.concat(this.#unsaved)
    for (const block of unsaved) this.#clear(block)
    this.#clearUnsaved()
    this.#savingBytes = 0
    // Dropped blocks that are still recorded as present have to be recorded as absent all the same.
    this.#unsaved = unsaved.filter((block) => this.#durable.has(block))
  }

  #clear(block: number): void {
    if (!this.present.clear(block)) return
    this.#presentBytes -= blockSize(this.#manifest, block)
    this.#dropCount += 1
    this.#onAbsent(block)
  }

  #clearUnsaved(): void {
    this.#unsaved = []
    this.#unsavedBytes = 0
  }
}
