import { createHash } from 'node:crypto'

const DIGEST_BYTES = 16

/**
 * A digest of a set of texts, whatever their order, that follows a change without a look at the rest: the exclusive or of
 * 128 bits of each text's SHA-256. It finds what differs by accident; who chooses the texts can make two sets alike
 * (Bellare and Micciancio 1997).
 */
export class SetDigest {
  readonly #bits: Buffer

  /** `hex` is that of an equal set; the empty set when absent. */
  constructor(hex?: string) {
    this.#bits = hex === undefined ? Buffer.alloc(DIGEST_BYTES) : Buffer.from(hex, 'hex')
    if (this.#bits.length !== DIGEST_BYTES) throw new TypeError(`"${hex}" is not the digest of a set`)
  }

  /** Puts a text that is not in the set into it, or takes one out that is. */
  toggle(text: string): this {
    const hash = createHash('sha256').update(text).digest()
    for (let at = 0; at < DIGEST_BYTES; at += 1) this.#bits[at] = (this.#bits[at] ?? 0) ^ (hash[at] ?? 0)
    return this
  }

  get hex(): string {
    return this.#bits.toString('hex')
  }
}
