/** Bytes that can be read anywhere: a file, a layer that is here in part, or memory. */
export interface RandomAccess {
  readonly sizeBytes: number
  /**
   * Reads `length` bytes at `offset`; fewer only where the bytes end. They may be put into the beginning of `into`, of that length, which
   * saves a copy, or into a buffer of their own. Rejects with the signal's reason when aborted.
   */
  read(
    offset: number,
    length: number,
    options?: { signal?: AbortSignal | undefined; into?: Buffer | undefined },
  ): Promise<Buffer>
}

/** Where an image is written: a new file, whose unwritten bytes read as zeros. */
export interface RandomWrite {
  /** Writes all of `bytes`, which do not change before it resolves. Calls may overlap. */
  write(offset: number, bytes: Buffer): Promise<void>
}
