import type { Logger } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type WebTorrent from 'webtorrent'
import type { Torrent } from 'webtorrent'
import { swarmError } from './errors.ts'
import type { LayerSwarm } from './layer-swarm.ts'
import { plainHost } from './plain-host.ts'
import { quietDescription, quietTorrent, quietTorrentOptions } from './quiet-torrent.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import { type DecodedTorrent, decodeTorrent } from './torrent-file.ts'

/** Of the handshake of BEP 3. */
const HANDSHAKE_BYTES = 68

export interface LayerTorrentDeps {
  readonly client: WebTorrent
  readonly logger: Logger
  readonly isBanned: (host: string) => boolean
}

/** A layer's torrent, read. Throws `SHOAL_SWARM_TORRENT_INVALID` when it and the manifest do not fit. */
export function torrentOf({ torrent, manifest }: Pick<SwarmLayer, 'torrent' | 'manifest'>): DecodedTorrent {
  const described = decodeTorrent(torrent)
  if (
    described !== undefined &&
    described.infoHash === manifest.infoHash &&
    described.pieceLengthBytes === manifest.pieceLengthBytes &&
    described.sizeBytes === manifest.sizeBytes
  ) {
    return described
  }
  const reason = described === undefined ? 'it cannot be read' : 'its info hash, size or piece length differs'
  throw swarmError('SHOAL_SWARM_TORRENT_INVALID', { digest: manifest.digest, reason })
}

/** Has webtorrent make and take the wires of a layer, and gives them to its swarm. Rejects when the library does not want the torrent. */
export function openTorrent(deps: LayerTorrentDeps, described: DecodedTorrent, swarm: LayerSwarm): Promise<Torrent> {
  return new Promise((resolve, reject) => {
    const options = quietTorrentOptions(described.pieceLengthBytes)
    const torrent = deps.client.add(quietDescription(described), options, resolve)
    quietTorrent(torrent, (wire) => swarm.open(wire))
    torrent.on('wire', (wire: Wire, address: string) => giveWire(deps, { torrent, swarm }, wire, address))
    torrent.on('error', (error: unknown) => {
      deps.logger.error({ digest: swarm.digest, error }, 'torrent failed')
      reject(error)
    })
  })
}

function giveWire(
  { logger, isBanned }: LayerTorrentDeps,
  { torrent, swarm }: { torrent: Torrent; swarm: LayerSwarm },
  wire: Wire,
  address: string,
): void {
  // Not by address: what we dialled by name is there under that name.
  const peer = [...torrent._peers.values()].find((candidate) => candidate.wire === wire)
  const isOurs = peer?.conn !== null && peer?.conn !== undefined && 'id' in peer.conn
  const host = plainHost(wire.remoteAddress ?? address.slice(0, address.lastIndexOf(':')))
  // Stream errors of a wire are the remote's doing; webtorrent destroys the peer, nothing else is to be done.
  wire.on('error', (error: unknown) => logger.debug({ address, error }, 'wire failed'))
  const dialled = isOurs ? (peer.conn as unknown as { id: string }).id : undefined
  const hasSpoken = !isOurs && (peer?.conn?.bytesRead ?? 0) > HANDSHAKE_BYTES
  if (isBanned(host) || !swarm.addWire(wire, { host, dialled, hasSpoken })) {
    wire.destroy()
    return
  }
  peer?.on('upload', (bytes: number) => swarm.sent(wire, bytes))
}
