import type { Digest, Manifest } from '@shoal/core'

/** The manifest of a layer that is never read, of so many blocks of 128 KiB. */
export function manifestOf(digest: Digest, blocks: number): Manifest {
  const sizeBytes = blocks * 131_072
  return {
    ...{ kind: 'base', parent: null, format: 'raw', digest, sizeBytes, virtualSizeBytes: sizeBytes },
    ...{ blockLengthBytes: 131_072, pieceLengthBytes: 131_072 },
  } as unknown as Manifest
}
