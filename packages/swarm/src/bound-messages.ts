import type Wire from 'bittorrent-protocol'
import { MAX_REQUEST_BYTES } from './upload-queue.ts'

/** Room for a message's header and for extension messages (BEP 9 sends 16 KiB at a time). */
const SLACK_BYTES = 64 * 1024

/**
 * bittorrent-protocol takes messages of any length into memory; this closes a wire that announces a longer one than
 * BEP 3 needs: a bitfield of the layer's pieces or a block of the largest request.
 */
export function boundMessages(wire: Wire, pieceCount: number): void {
  const maxBytes = Math.max(MAX_REQUEST_BYTES, Math.ceil(pieceCount / 8)) + SLACK_BYTES
  const original = wire._onMessageLength
  wire._onMessageLength = function onMessageLength(this: Wire, buffer: Uint8Array) {
    const length = new DataView(buffer.buffer, buffer.byteOffset, 4).getUint32(0)
    if (length > maxBytes) {
      wire.destroy()
      return
    }
    original.call(wire, buffer)
  }
  // An incoming wire is met only after the library set itself up for its first message.
  if (wire._parser === original) wire._parser = wire._onMessageLength
  else if (wire._parserSize > maxBytes) wire.destroy()
}
