import { join } from 'node:path'
import { scriptedEngine } from './scripted-engine.ts'

const SCRIPT = join(import.meta.dirname, 'webtorrent-peer.ts')

/** webtorrent as it comes. It listens on all addresses, so ports must differ. */
export const stockWebtorrent = scriptedEngine('stock-webtorrent', (role, place, layer) => [
  process.execPath,
  SCRIPT,
  role,
  layer.torrentFile,
  place.directory,
  `${place.port}`,
])
