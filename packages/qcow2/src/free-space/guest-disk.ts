/** The disk that a guest sees, such as a chain of images. Its bytes must not change while it is looked at. */
export interface GuestDisk {
  readonly virtualSizeBytes: number
  /**
   * Reads `length` bytes at `offset`; fewer only where the disk ends. Rejects with the signal's reason when aborted.
   */
  read(offset: number, length: number, options?: { signal?: AbortSignal | undefined }): Promise<Buffer>
}
