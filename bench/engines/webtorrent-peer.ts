import type { EventEmitter } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import WebTorrent from 'webtorrent'
import { scriptEvents } from './script-events.ts'

/**
 * webtorrent as it comes: its public API, its own scheduling and file store. What cannot matter on a
 * network of ours (uTP, public discovery, port mapping, web seeds) is off; it finds peers by the torrent's tracker.
 * Arguments: seed|peer TORRENT DIRECTORY PORT. See scripted-engine.ts.
 */
interface StockTorrent extends EventEmitter {
  readonly uploaded: number
}

interface StockClient extends EventEmitter {
  add(torrent: Uint8Array, options: { path: string; skipVerify: boolean }): StockTorrent
  destroy(callback: () => void): void
}

const [role, torrentFile = '', directory = '', port] = process.argv.slice(2)
const torrent = await readFile(torrentFile)
const options = {
  torrentPort: Number(port),
  ...{ utp: false, dht: false as const, lsd: false, utPex: false, natUpnp: false, natPmp: false, webSeeds: false },
}
const client = new WebTorrent(options) as unknown as StockClient
const fail = (error: unknown) => {
  console.error(error)
  process.exit(1)
}
client.on('error', fail)
await new Promise((resolve) => client.once('listening', resolve))

// A seed trusts its file: what checking costs is not what is measured.
const add = () => client.add(torrent, { path: directory, skipVerify: role === 'seed' })
const file = join(directory, 'layer.raw')
let added: StockTorrent | undefined
scriptEvents.onStop(async () => {
  const uploadedBytes = added?.uploaded ?? 0
  await new Promise<void>((resolve) => client.destroy(resolve))
  return { uploadedBytes }
})
const begun = scriptEvents.begun()
if (role === 'seed') {
  added = add()
  await new Promise((resolve) => added?.once('done', resolve))
  scriptEvents.ready(file)
} else {
  scriptEvents.ready(file)
  await begun
  added = add()
  added.once('done', () => scriptEvents.done())
}
