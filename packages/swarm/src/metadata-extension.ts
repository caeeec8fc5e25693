import bencode from 'bencode'
import type Wire from 'bittorrent-protocol'
import type { Extension } from 'bittorrent-protocol'
import { decodeBencode, MESSAGE_BOUNDS } from './bounded-bencode.ts'

/** BEP 9: metadata is handed out so many bytes at a time. */
const METADATA_PIECE_BYTES = 16 * 1024
const REQUEST = 0
const DATA = 1
const REJECT = 2

/**
 * The BEP 10 extension `ut_metadata` (BEP 9) of one who has the metadata: hands it out from the one copy of all wires. webtorrent's
 * own decodes, encodes and keeps it anew for each wire, which is a third of a megabyte where there are 16,000 pieces. Nothing is handed out to
 * who `mayHave` nothing.
 */
export function metadataExtension(info: Uint8Array, mayHave: () => boolean): new (wire: Wire) => Extension {
  class Metadata implements Extension {
    declare readonly name: string
    readonly #wire: Wire

    constructor(wire: Wire) {
      this.#wire = wire
      wire.extendedHandshake.metadata_size = info.length
    }

    onMessage(message: Uint8Array): void {
      const piece = requestedPiece(message)
      if (piece === undefined) return
      const start = piece * METADATA_PIECE_BYTES
      const isThere = mayHave() && Number.isInteger(piece) && piece >= 0 && start < info.length
      const head = isThere ? { msg_type: DATA, piece, total_size: info.length } : { msg_type: REJECT, piece }
      const data = isThere ? info.subarray(start, start + METADATA_PIECE_BYTES) : new Uint8Array()
      this.#wire.extended('ut_metadata', Buffer.concat([bencode.encode(head), data]))
    }
  }
  // bittorrent-protocol reads the extension's name from the prototype.
  Object.defineProperty(Metadata.prototype, 'name', { value: 'ut_metadata' })
  return Metadata
}

/** The piece that a message asks for; `undefined` for what needs no answer. Throws, which closes the wire, at what is no message. */
function requestedPiece(message: Uint8Array): number | undefined {
  const decoded = decodeBencode(message, MESSAGE_BOUNDS)?.value
  if (typeof decoded !== 'object' || decoded === null)
    throw new TypeError('a ut_metadata message that is no dictionary')
  const { msg_type: type, piece } = decoded as Record<string, unknown>
  return type === REQUEST && typeof piece === 'number' ? piece : undefined
}
