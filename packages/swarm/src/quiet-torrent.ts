import type Wire from 'bittorrent-protocol'
import type { ChunkStore, ParsedTorrent, Torrent, TorrentOptions } from 'webtorrent'
import type { DecodedTorrent } from './torrent-file.ts'

/**
 * A torrent as webtorrent is told of it: without its pieces, as it has no business with them. It would keep a hash in hexadecimal, an
 * array and for a moment an object for each, and three more copies of the file: 3 MiB where there are 16,000 pieces.
 */
export function quietDescription({ infoHash, name, pieceLengthBytes }: DecodedTorrent): ParsedTorrent {
  return {
    ...{ infoHash, name, info: {}, private: true, announce: [], urlList: [], files: [], pieces: [] },
    ...{ length: 0, pieceLength: pieceLengthBytes, lastPieceLength: pieceLengthBytes },
  }
}

/**
 * Options with which webtorrent neither verifies, stores nor picks anything: the layer store knows what is
 * present, and our scheduler asks for what is absent.
 */
export function quietTorrentOptions(pieceLengthBytes: number): TorrentOptions {
  return {
    skipVerify: true,
    deselect: true,
    storeCacheSlots: 0,
    preloadedStore: unusedStore(pieceLengthBytes),
    uploads: false,
  }
}

/**
 * Leaves webtorrent what it is good at (sockets, handshakes, wires, ut_metadata) and takes over the rest. Its
 * own handlers mark leechers as seeders and choke them, choke by reciprocity, and walk all pieces on each HAVE.
 * Call it as soon as the torrent was added, before any wire exists.
 */
export function quietTorrent(torrent: Torrent, onWire: (wire: Wire) => void): void {
  const nothing = () => {}
  torrent._onWireWithMetadata = onWire
  torrent._update = nothing
  torrent._updateInterest = nothing
  torrent._updateSelections = nothing
  torrent._updateWireInterest = nothing
  torrent._rechoke = nothing
  torrent.once('metadata', () => {
    torrent._rarityMap.destroy()
    torrent._rarityMap = { destroy: nothing }
  })
}

function unusedStore(chunkLength: number): ChunkStore {
  return {
    chunkLength,
    get: (_index, _options, callback) => callback(new Error('the layer store serves blocks')),
    put: (_index, _data, callback) => callback(new Error('the layer store takes blocks')),
    close: (callback) => callback(null),
    destroy: (callback) => callback(null),
  }
}
