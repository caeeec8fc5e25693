import type { Digest } from '@shoal/core'

/** A block that came and could not be stored: the disk of the node is full, or broken. */
export interface UnstoredBlock {
  readonly block: number
  /** What came, which is to be verified by whoever takes it. Nobody changes it any more, and it is in no buffer that others need. */
  readonly bytes: Buffer
}

/** Where blocks come from that a machine reads and this node does not have: the swarm, and behind it the seed and the library. */
export interface BlockSource {
  /**
   * Fetches blocks ahead of everything else, each from a second source too when the first is late. Resolves when all of them are
   * present and verified in the store, but for those that it gives because they could not be stored; at once for those that are there.
   * Waits for as long as it takes. Rejects with a coded error when the layer is not fetched any more, and with the signal's reason when
   * aborted. The caller may ask again.
   */
  demand(
    digest: Digest,
    firstBlock: number,
    blocks: number,
    options: { signal: AbortSignal },
  ): Promise<readonly UnstoredBlock[]>
  /** Says that blocks will be read soon: they come before ordinary fetching and behind demands. It bounds by itself what it does about that. */
  hint(digest: Digest, firstBlock: number, blocks: number): void
}
