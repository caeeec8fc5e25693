import type { Bitfield, BlockBuffer, BlockBuffers, Digest, Manifest } from '@shoal/core'

/** What a layer is, as the seed published it. The caller has checked the manifest's signature. */
export interface LayerDescription {
  readonly manifest: Manifest
  readonly encodedManifest: Uint8Array
  /** The bencoded torrent file. */
  readonly torrent: Uint8Array
}

/**
 * Content-addressed layers, whole or in part. Nothing counts as present before its SHA-256 was checked, and nothing
 * as durable before it would survive a power cut. On disk: docs/formats/layer-store.md.
 *
 * Failures are `SHOAL_STORE_NO_SPACE` and `SHOAL_STORE_IO`, after which the store goes on and the call may be tried
 * again, `SHOAL_STORE_FOREIGN_FILE` and, before open and after close, `SHOAL_STORE_CLOSED`.
 */
export interface LayerStore extends AsyncDisposable {
  /** Reads the records and reconciles them with the files on disk; idempotent. */
  open(): Promise<void>
  /** Flushes every layer, then closes; idempotent. */
  close(): Promise<void>
  layers(): StoredLayer[]
  get(digest: Digest): StoredLayer | undefined
  /** Paths in the store's layer directory that are not the store's: they are left alone. */
  foreign(): string[]
  /** Memory for blocks under way, shared by all layers. */
  readonly buffers: BlockBuffers
  /** An empty layer to be written block by block, or the layer of that digest if there is one. */
  create(layer: LayerDescription): Promise<StoredLayer>
  /**
   * Moves a complete, already verified file from {@link stagingPath} into the store. If the layer is complete already the staged
   * file is removed instead; if it is there in part, the staged file replaces that part.
   */
  adopt(layer: LayerDescription, stagedPath: string): Promise<StoredLayer>
  /** Forgets the layer, then frees its space; a digest that is not there is fine. */
  remove(digest: Digest): Promise<void>
  /** A path for a file on the store's own file system, so that adopt is a rename. What is there survives restarts. */
  stagingPath(name: string): string
  /** Bytes that layers and staged files occupy (sparse files: what is written), and what is free for them. */
  usage(): Promise<StoreUsage>
  /** The staged files, with the bytes that each occupies. */
  staged(): Promise<StagedFile[]>
}

export interface StoreUsage {
  readonly allocatedBytes: number
  readonly freeBytes: number
  /** Size of the file system. */
  readonly totalBytes: number
}

export interface StagedFile {
  readonly name: string
  readonly allocatedBytes: number
}

/** One layer. After it was removed from the store every call is `SHOAL_STORE_LAYER_UNKNOWN`. */
export interface StoredLayer extends LayerDescription {
  /** The layer file, for tools that read files; absent blocks read as zeros. Empty for the in-memory store. */
  readonly path: string
  /** Blocks present and verified. Only the store changes it. */
  readonly present: Bitfield
  /** How many of them are recorded durably. */
  readonly durableBlocks: number
  readonly presentBytes: number
  readonly isComplete: boolean
  /** The block buffers of the whole store. */
  readonly buffers: BlockBuffers
  /**
   * Writes one or more whole, consecutive blocks. The SHA-256 of each is checked before it is written; if one is wrong,
   * the first of them is `SHOAL_STORE_BLOCK_MISMATCH` with details `digest` and `block`, and nothing of the call counts. Blocks already
   * present are skipped. `data` must not change until the promise settles. Calls may overlap.
   * Waits when much is written but not yet durable. A range outside the layer is a RangeError.
   */
  writeBlocks(firstBlock: number, data: Uint8Array): Promise<void>
  /**
   * As {@link writeBlocks}, for the one block in a buffer, without a copy. The caller's use of the buffer does not end; while the promise
   * is pending it must not change. From then on the buffer is found as this block, so it must not change before it was released; only
   * after a failure it may be filled again.
   */
  writeBlock(block: number, buffer: BlockBuffer): Promise<void>
  /**
   * Reads bytes of present blocks; `SHOAL_STORE_BLOCK_ABSENT` with details `digest` and `block` if any of
   * them lies in an absent block. A range outside the layer is a RangeError. They may be put into the beginning of `into`, of that
   * length, which saves a copy, or into a buffer of their own; once this has settled `into` is not touched any more.
   */
  read(offset: number, length: number, options?: { into?: Buffer | undefined }): Promise<Buffer>
  /**
   * A present block in a buffer that the caller has to release; at once when a buffer still holds it, otherwise a promise, which waits
   * for a free buffer. `SHOAL_STORE_BLOCK_ABSENT` as {@link read}; a block outside the layer is a RangeError. So many blocks `ahead`
   * are about to be read, too: a read of the file takes some of them with it.
   */
  readBlock(block: number, ahead?: number): BlockBuffer | Promise<BlockBuffer>
  /** Bytes that its files occupy on disk; 0 for the in-memory store's. */
  allocatedBytes(): Promise<number>
  /**
   * Keeps only the wanted ones of the blocks that are present and frees the space of all others, which are absent from then on, durably.
   * Space is freed after that was recorded; if the process is killed in between, the next open frees it. Where more than 256 gaps would
   * be left, the smallest ones stay as they are. `SHOAL_STORE_NO_HOLES` when the file system frees only what is behind the last block that
   * stays: then what is before it is absent all the same. Blocks of another layer are a RangeError; they must not change meanwhile.
   */
  keep(wanted: Bitfield): Promise<void>
  /** Resolves when every block that was present at the call is durable. */
  flush(): Promise<void>
  /**
   * Reads and hashes all present blocks, off the event loop. Blocks that are not what they should be become
   * absent, durably. Rejects with the signal's reason when aborted.
   */
  verify(options?: VerifyOptions): Promise<LayerVerification>
}

export interface VerifyOptions {
  /** Only these blocks; all when absent. */
  readonly range?: { readonly firstBlock: number; readonly blocks: number } | undefined
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((checkedBytes: number) => void) | undefined
}

export interface LayerVerification {
  readonly checkedBlocks: number
  readonly badBlocks: number[]
  /** Whether the whole file has the layer's digest; null when blocks are absent. */
  readonly digestMatches: boolean | null
}
