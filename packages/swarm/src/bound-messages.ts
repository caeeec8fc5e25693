import type Wire from 'bittorrent-protocol'
import type { WireAuth } from './auth/wire-auth.ts'
import { decodeDictionary, MESSAGE_BOUNDS } from './bounded-bencode.ts'
import { MAX_REQUEST_BYTES } from './upload-queue.ts'

/** Room for a message's header and for extension messages (BEP 9 sends 16 KiB at a time). */
const SLACK_BYTES = 64 * 1024
/** Answers that wait for a side that does not read: what is queued for it (blocks, HAVEs) fits in well. */
const MAX_UNREAD_BYTES = 4 * 1024 * 1024
/** Extension messages (BEP 10) on one wire: handshakes, and the torrent asked for piece by piece a few times. */
const MAX_EXTENDED = 64
const METADATA_PIECE_BYTES = 16 * 1024
const METADATA_ROUNDS = 4
const EXTENDED = 20
const EXTENDED_HANDSHAKE = 0
/** Bytes of the messages that have a fixed length, by identifier (BEP 3, BEP 5, BEP 6), and the least of those that have not. */
const LENGTHS: Readonly<Record<number, number>> = {
  ...{ 0: 1, 1: 1, 2: 1, 3: 1, 4: 5, 6: 13, 8: 13, 9: 3 },
  ...{ 13: 5, 14: 1, 15: 1, 16: 13, 17: 5 },
}
const LEAST_LENGTHS: Readonly<Record<number, number>> = { 5: 1, 7: 9, [EXTENDED]: 2 }

export interface MessageBounds {
  readonly pieceCount: number
  readonly torrentBytes: number
  /** Called for each message, before it is looked at. */
  readonly onMessage: () => void
  /** Told when the wire is closed because of what came on it. */
  readonly onRefused?: () => void
  /** Bounds it further while the other side has not proven who it is. */
  readonly auth?: WireAuth | undefined
}

/**
 * bittorrent-protocol takes messages of any length and number into memory, answers a side that never reads, and lets a
 * malformed message throw out of the socket's handler. This closes a wire that announces a longer message than BEP 3
 * needs (a bitfield of the layer's pieces or a block of the largest request), that asks without reading the answers, that
 * sends extension messages without end or a handshake of them that is no bounded bencode, or whose message cannot be dealt with.
 */
export function boundMessages(
  wire: Wire,
  { pieceCount, torrentBytes, onMessage, onRefused, auth }: MessageBounds,
): void {
  const maxBytes = Math.max(MAX_REQUEST_BYTES, Math.ceil(pieceCount / 8)) + SLACK_BYTES
  const maxUnreadBytes = MAX_UNREAD_BYTES + pieceCount * 9
  const onLength = wire._onMessageLength
  const onContent = wire._onMessage
  let isClosing = false
  const close = () => {
    if (!isClosing) onRefused?.()
    isClosing = true
    wire.destroy()
  }
  wire._onMessageLength = function onMessageLength(this: Wire, buffer: Uint8Array) {
    // What came in the same segment as the message that closed the wire is not looked at.
    if (isClosing) return
    const length = new DataView(buffer.buffer, buffer.byteOffset, 4).getUint32(0)
    const isTooLong = length > (auth?.maxMessageBytes ?? maxBytes)
    if (isTooLong && auth?.maxMessageBytes !== undefined) auth.refuse('malformed')
    if (isTooLong || wire._readableState.buffered > maxUnreadBytes) close()
    else onLength.call(wire, buffer)
  }
  wire._onMessage = function onWholeMessage(this: Wire, buffer: Uint8Array) {
    if (isClosing) return
    if (auth?.admits(buffer) === false) return close()
    onMessage()
    if (!isWellFormed(buffer)) return close()
    try {
      onContent.call(wire, buffer)
    } catch {
      close()
    }
  }
  // An incoming wire is met only after the library set itself up for its first message.
  if (wire._parser === onLength) wire._parser = wire._onMessageLength
  else if (wire._parser === onContent) {
    if (wire._parserSize > (auth?.maxMessageBytes ?? maxBytes)) close()
    wire._parser = wire._onMessage
  }

  let extendedLeft = MAX_EXTENDED + METADATA_ROUNDS * Math.ceil(torrentBytes / METADATA_PIECE_BYTES)
  wire.on('extended', () => {
    extendedLeft -= 1
    if (extendedLeft < 0) close()
  })
  wire.on('bitfield', ({ buffer }: { buffer: Uint8Array }) => {
    if (buffer.length !== Math.ceil(pieceCount / 8)) close()
  })
}

/**
 * Whether the library may be given a message. It reads numbers that are not in the message from what comes behind it, and decodes extension
 * handshakes unchecked.
 */
function isWellFormed(message: Uint8Array): boolean {
  const id = message[0] ?? -1
  const length = LENGTHS[id]
  if (length !== undefined ? message.length !== length : message.length < (LEAST_LENGTHS[id] ?? 0)) return false
  if (id !== EXTENDED || message[1] !== EXTENDED_HANDSHAKE) return true
  return decodeDictionary(message.subarray(2), MESSAGE_BOUNDS) !== undefined
}
