import type { X509Certificate } from 'node:crypto'
import { type ChainAnchors, type VerifiedPath, verifyPath } from './chain-verifier.ts'

/** One for each node of a large fleet. */
const DEFAULT_LIMIT = 10_000

/**
 * Chains that were verified against the authorities that are trusted now. A node shows the same one on each of its connections and with each announce:
 * that it is signed, and whom it names, does not change between them, and takes a millisecond to find out. Whether it still holds is not asked here.
 */
export class KnownPaths {
  readonly #limit: number
  /** By the fingerprints of all certificates of a chain, those that were asked for least recently first. */
  readonly #paths = new Map<string, VerifiedPath>()
  #authorities: readonly X509Certificate[] | undefined

  constructor({ limit = DEFAULT_LIMIT }: { limit?: number } = {}) {
    this.#limit = limit
  }

  /** As {@link verifyPath}, which has the last word on each chain once. What it refuses is not remembered. */
  verify(chain: readonly X509Certificate[], anchors: ChainAnchors): VerifiedPath {
    if (anchors.authorities !== this.#authorities) this.#paths.clear()
    this.#authorities = anchors.authorities
    const key = chain.map(({ fingerprint256 }) => fingerprint256).join()
    const known = this.#paths.get(key) ?? verifyPath(chain, anchors)
    this.#paths.delete(key)
    this.#paths.set(key, known)
    const [oldest] = this.#paths.keys()
    if (this.#paths.size > this.#limit && oldest !== undefined) this.#paths.delete(oldest)
    return known
  }
}
