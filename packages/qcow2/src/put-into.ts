/** Copies bytes that were read to where they are wanted, unless they were read there. */
export function putInto(data: Buffer, into: Buffer): void {
  // Small buffers share one piece of memory: where in it they begin tells them apart.
  const isThere = data.buffer === into.buffer && data.byteOffset === into.byteOffset
  if (!isThere) data.copy(into)
}
