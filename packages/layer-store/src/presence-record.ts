import { Bitfield, type Digest, digestHex } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'

/** Blocks to a chunk: 1 KiB of bitmap, so that recording a few blocks of a large layer stays a small write. */
export const CHUNK_BLOCKS = 8192
const CHUNK_BYTES = CHUNK_BLOCKS / 8

/** The operations that record `present` for the given chunks (all chunks by default). */
export function presenceOperations(digest: Digest, present: Bitfield, chunks?: Iterable<number>): StateOperation[] {
  const bytes = present.toBytes()
  return [...(chunks ?? allChunks(present.length))].map((chunk) => {
    const key = chunkKey(digest, chunk)
    const bitmap = bytes.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES)
    if (bitmap.every((byte) => byte === 0)) return { type: 'delete', key }
    return { type: 'put', key, value: Buffer.from(bitmap).toString('base64') }
  })
}

/** Reads which blocks are recorded as present. What cannot be understood counts as absent. */
export async function readPresence(state: StateStore, digest: Digest, blocks: number): Promise<Bitfield> {
  const bytes = new Uint8Array(Math.ceil(blocks / 8))
  const prefix = chunkPrefix(digest)
  for await (const { key, value } of state.range({ prefix })) {
    const start = Number.parseInt(key.slice(prefix.length), 16) * CHUNK_BYTES
    const bitmap = typeof value === 'string' ? Buffer.from(value, 'base64') : Buffer.alloc(0)
    if (start < bytes.length) bytes.set(bitmap.subarray(0, Math.min(CHUNK_BYTES, bytes.length - start)), start)
  }
  return new Bitfield(blocks, bytes)
}

function chunkPrefix(digest: Digest): string {
  return `layer-store/blocks/${digestHex(digest)}/`
}

function chunkKey(digest: Digest, chunk: number): string {
  return chunkPrefix(digest) + chunk.toString(16).padStart(6, '0')
}

function* allChunks(blocks: number): Generator<number> {
  for (let chunk = 0; chunk * CHUNK_BLOCKS < blocks; chunk += 1) yield chunk
}
