/** Reads `length` bytes at `offset` of the file, fewer only at its end. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>
