import { join } from 'node:path'
import type { Engine } from './engine.ts'
import { scriptedEngine } from './scripted-engine.ts'

const SCRIPT = join(import.meta.dirname, 'libtorrent-peer.py')

/** libtorrent-rasterbar 2.0 through Debian's Python binding; Python itself only starts it and waits. */
function libtorrentEngine(name: string, ...modes: string[]): Engine {
  return scriptedEngine(name, (role, { directory, host, port }, layer) => [
    '/usr/bin/python3',
    ...[SCRIPT, role, layer.torrentFile, directory, host, `${port}`, ...modes],
  ])
}

export const libtorrent = libtorrentEngine('libtorrent')

/** The same with a super-seeding seed (BEP 16): it shows each peer one piece at a time, and saves copies. */
export const libtorrentSuperSeeding = libtorrentEngine('libtorrent-super-seeding', 'super')
