/** Changes to bytes that can be taken back: a mutated image costs what was changed of it, not a copy. */
export class Patch {
  readonly #bytes: Buffer
  readonly #saved: { offset: number; bytes: Buffer }[] = []

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** Writes as much as there is room for. */
  write(offset: number, bytes: Buffer): void {
    if (offset >= this.#bytes.length) return
    const place = this.#bytes.subarray(offset, offset + bytes.length)
    this.#saved.push({ offset, bytes: Buffer.from(place) })
    bytes.copy(place)
  }

  undo(): void {
    for (let last = this.#saved.pop(); last !== undefined; last = this.#saved.pop())
      last.bytes.copy(this.#bytes, last.offset)
  }
}
