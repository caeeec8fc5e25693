import type { ServerResponse } from 'node:http'

/** A multiple of every block length. Two of these are all that a download has in memory. */
export const CHUNK_BYTES = 1024 * 1024

/** Fills a buffer with a file's bytes from an offset. */
export type FillBytes = (offset: number, into: Buffer) => Promise<void>

/**
 * Sends a file of that size: while one piece is on its way to the client the next one is read. `onSent` hears of each.
 */
export async function sendFile(
  response: ServerResponse,
  { sizeBytes, fill, onSent }: { sizeBytes: number; fill: FillBytes; onSent: (bytes: number) => void },
): Promise<void> {
  const buffers = [Buffer.allocUnsafe(Math.min(CHUNK_BYTES, sizeBytes)), Buffer.allocUnsafe(CHUNK_BYTES)] as const
  let sent = Promise.resolve()
  for (let offset = 0, turn = 0; offset < sizeBytes; offset += CHUNK_BYTES, turn += 1) {
    const buffer = turn % 2 === 0 ? buffers[0] : buffers[1]
    const piece = buffer.subarray(0, Math.min(CHUNK_BYTES, sizeBytes - offset))
    // The client may go away meanwhile, which shows when the piece before it is waited for.
    sent.catch(() => {})
    await fill(offset, piece)
    await sent
    sent = writeAll(response, piece).then(() => onSent(piece.length))
  }
  await sent
}

/** Resolves when the bytes have been handed to the network, after which they may be changed. */
export function writeAll(response: ServerResponse, bytes: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    response.write(bytes, (error) => (error ? reject(error) : resolve()))
  })
}
