import type { Bitfield, Manifest } from '@shoal/core'

/** What the swarm needs of a stored layer; a layer of `@shoal/layer-store` is one. */
export interface SwarmLayer {
  readonly manifest: Manifest
  /** The bencoded torrent file. */
  readonly torrent: Uint8Array
  /** Blocks present and verified. */
  readonly present: Bitfield
  readonly presentBytes: number
  /**
   * Verifies whole blocks and writes them. Rejects with `SHOAL_STORE_BLOCK_MISMATCH` and the detail `block` when the sender
   * is to blame, with any other error when this machine is.
   */
  writeBlocks(firstBlock: number, data: Uint8Array): Promise<void>
  /** Reads bytes of present blocks; rejects when one of them is absent. */
  read(offset: number, length: number): Promise<Uint8Array>
  /** Resolves when what is present is durable. */
  flush(): Promise<void>
}
