import { Chain } from './chain.ts'
import type { ComposeOptions } from './compose-raw.ts'
import type { GuestRange } from './guest-range.ts'
import type { RandomWrite } from './random-access.ts'
import { readAhead, slotBuffers } from './read-ahead.ts'

/** Guest bytes that are compared at a time. */
const WINDOW_BYTES = 1024 * 1024
/**
 * What is the same is left as it is in runs of this many bytes, the block of common file systems: a clone goes on
 * sharing it.
 */
const BLOCK_BYTES = 4096

/**
 * Makes a copy of a chain's lowest image into the disk of the whole chain: writes what the images above it decide and
 * what differs. The file is of the chain's virtual size and reads as zeros where the lowest image ends. Returns the
 * bytes that were written.
 */
export async function composeOver(chain: Chain, sink: RandomWrite, options: ComposeOptions = {}): Promise<number> {
  const { signal, onProgress } = options
  const lowest = chain.images.at(-1)
  if (lowest === undefined) return 0
  const below = new Chain([lowest])
  const buffers = [slotBuffers(WINDOW_BYTES), slotBuffers(WINDOW_BYTES)] as const
  const read = async ({ start, length }: GuestRange, slot: number) => {
    const [bytes, old] = await Promise.all([
      chain.read(start, length, { signal, into: buffers[0][slot] }),
      below.read(start, length, { signal, into: buffers[1][slot] }),
    ])
    return { start, bytes, old: old.length === bytes.length ? old : Buffer.concat([old], bytes.length) }
  }
  let writtenBytes = 0
  for await (const { start, bytes, old } of readAhead(windows(chain, options), read)) {
    signal?.throwIfAborted()
    for (const run of changedRuns(bytes, old)) {
      await sink.write(start + run.start, bytes.subarray(run.start, run.end))
      writtenBytes += run.end - run.start
    }
    onProgress?.(start + bytes.length)
  }
  onProgress?.(chain.virtualSizeBytes)
  return writtenBytes
}

/** What is decided above the lowest image, cut into windows. */
async function* windows(chain: Chain, { signal }: ComposeOptions) {
  const lowest = chain.images.length - 1
  for await (const { start, length, depth, kind } of chain.map(0, chain.virtualSizeBytes, { signal })) {
    if (depth === lowest || kind === 'hole') continue
    for (let at = start; at < start + length; at += WINDOW_BYTES) {
      yield { start: at, length: Math.min(WINDOW_BYTES, start + length - at) }
    }
  }
}

/** The runs of a buffer that differ from another of the same length, by whole blocks. */
function* changedRuns(bytes: Buffer, old: Buffer): Generator<{ start: number; end: number }> {
  let start: number | undefined
  for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
    const isSame = bytes.subarray(at, at + BLOCK_BYTES).equals(old.subarray(at, at + BLOCK_BYTES))
    if (!isSame) start ??= at
    else if (start !== undefined) {
      yield { start, end: at }
      start = undefined
    }
  }
  if (start !== undefined) yield { start, end: bytes.length }
}
