import type { Bitfield, BlockBuffer, BlockBuffers, Manifest } from '@shoal/core'

/** What the swarm needs of a stored layer; a layer of `@shoal/layer-store` is one. */
export interface SwarmLayer {
  readonly manifest: Manifest
  /** The bencoded torrent file. */
  readonly torrent: Uint8Array
  /** Blocks present and verified. */
  readonly present: Bitfield
  readonly presentBytes: number
  /** Where blocks are received into and read into. */
  readonly buffers: BlockBuffers
  /**
   * Verifies whole blocks and writes them. Rejects with `SHOAL_STORE_BLOCK_MISMATCH` and the detail `block` when the sender
   * is to blame, with any other error when this machine is.
   */
  writeBlocks(firstBlock: number, data: Uint8Array): Promise<void>
  /**
   * As {@link writeBlocks}, for the one block in a buffer, without a copy. The buffer must not change until the promise settles; the
   * caller's use of it does not end.
   */
  writeBlock(block: number, buffer: BlockBuffer): Promise<void>
  /** Reads bytes of present blocks; rejects when one of them is absent. */
  read(offset: number, length: number): Promise<Uint8Array>
  /**
   * A present block in a buffer that the caller has to release; at once when a buffer still holds it. Rejects when it is absent.
   * So many blocks `ahead` are about to be read, too.
   */
  readBlock(block: number, ahead?: number): BlockBuffer | Promise<BlockBuffer>
  /** Resolves when what is present is durable. */
  flush(): Promise<void>
}
