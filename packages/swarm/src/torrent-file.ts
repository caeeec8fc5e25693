import { createHash } from 'node:crypto'
import { pieceCount } from '@shoal/core'
import bencode from 'bencode'
import { decodeDictionary } from './bounded-bencode.ts'

/** Of a torrent with one file; its length is that of its hashes. */
const TORRENT_BOUNDS = { maxBytes: Number.POSITIVE_INFINITY, maxDepth: 8, maxValues: 4096 }

export interface TorrentDescription {
  /** File name a BitTorrent client shows. */
  name: string
  sizeBytes: number
  pieceLengthBytes: number
  /** SHA-1 of each piece, 20 bytes each, in order. */
  pieceHashes: Uint8Array
  /** Announce addresses of the trackers; the first is the main one. */
  announce: readonly string[]
}

/**
 * Encodes a single-file BitTorrent v1 metainfo file (BEP 3), marked private (BEP 27): peers come from our
 * trackers and our own DHT only. Returns it with its info hash (hexadecimal).
 */
export function encodeTorrent(description: TorrentDescription): { torrent: Uint8Array; infoHash: string } {
  const { name, sizeBytes, pieceLengthBytes, pieceHashes, announce } = description
  const pieces = pieceCount({ sizeBytes, pieceLengthBytes, blockLengthBytes: pieceLengthBytes })
  if (pieceHashes.length !== pieces * 20) throw new TypeError(`${pieceHashes.length} bytes of hashes, ${pieces} pieces`)
  const info = { length: sizeBytes, name, 'piece length': pieceLengthBytes, pieces: pieceHashes, private: 1 }
  const [first] = announce
  const torrent = bencode.encode({
    ...(first === undefined ? {} : { announce: first, 'announce-list': announce.map((url) => [url]) }),
    'created by': 'Shoal',
    info,
  })
  return { torrent, infoHash: createHash('sha1').update(bencode.encode(info)).digest('hex') }
}

/** What a torrent file says of its one file. */
export interface DecodedTorrent {
  readonly infoHash: string
  readonly name: string
  readonly sizeBytes: number
  readonly pieceLengthBytes: number
  /** The bencoded `info`, which has the info hash: what BEP 9 hands out. A part of the file's memory where it stands in it as it is. */
  readonly info: Uint8Array
}

/** Reads a torrent file; `undefined` when it is not one of a single file. */
export function decodeTorrent(torrent: Uint8Array): DecodedTorrent | undefined {
  const info = decodeDictionary(torrent, TORRENT_BOUNDS)?.info
  if (typeof info !== 'object' || info === null) return undefined
  const { length, name, 'piece length': pieceLength } = info as Record<string, unknown>
  if (typeof length !== 'number' || typeof pieceLength !== 'number') return undefined
  const encoded = bencode.encode(info as Record<string, never>)
  return {
    infoHash: createHash('sha1').update(encoded).digest('hex'),
    name: name instanceof Uint8Array ? Buffer.from(name).toString() : '',
    sizeBytes: length,
    pieceLengthBytes: pieceLength,
    info: partOf(torrent, encoded) ?? encoded,
  }
}

/** Where some bytes stand among others; `undefined` when they do not. */
function partOf(all: Uint8Array, part: Uint8Array): Uint8Array | undefined {
  const at = Buffer.from(all.buffer, all.byteOffset, all.length).indexOf(part)
  return at < 0 ? undefined : all.subarray(at, at + part.length)
}
