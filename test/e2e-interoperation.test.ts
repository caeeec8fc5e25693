import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import { createSwarm, createTracker, type Swarm } from '@shoal/swarm'
import { buildLayer, completed, storeLayer } from '@shoal/swarm/layer-fixture'
import { startAria2, startLibtorrent } from './harness/foreign-client.ts'
import { undoAfter } from './harness/undo.ts'

const SIZE_BYTES = 24 * 1024 * 1024 + 4321

const clients = [
  { name: 'aria2', start: startAria2, net: 31 },
  { name: 'libtorrent', start: startLibtorrent, net: 32 },
]

for (const { name, start, net } of clients) {
  test(`${name} downloads a layer from our peer and seeds it to a fresh peer of ours`, {
    timeout: 120_000,
  }, async (t) => {
    const undo = undoAfter(t)
    const directory = await mkdtemp(join(tmpdir(), 'shoal-interop-'))
    undo.after(() => rm(directory, { recursive: true, force: true }))
    const registered = new Map<string, string>()
    const tracker = createTracker(
      { logger: silentLogger },
      {
        host: '127.0.0.1',
        port: 0,
        announceIntervalMs: 2000,
        allows: () => true,
        advertised: (peerId) => registered.get(peerId),
      },
    )
    const trackers = await tracker.start()
    undo.after(() => tracker.stop())
    const { description, data } = buildLayer(SIZE_BYTES, { announce: trackers, pieceLengthBytes: 256 * 1024 })
    const peer = async (node: string, host: string): Promise<Swarm> => {
      const swarm = createSwarm(
        { clock: systemClock, logger: silentLogger },
        { role: 'peer', node, host, port: 0, dht: false, trackers, announceIntervalMs: 2000 },
      )
      await swarm.start()
      undo.after(() => swarm.close())
      registered.set(swarm.peerId, swarm.address)
      return swarm
    }

    const first = await peer('first', `127.0.${net}.1`)
    const seeding = await first.join(await storeLayer(description, data))
    const torrentFile = join(directory, 'layer.torrent')
    await writeFile(torrentFile, description.torrent)
    const foreign = start({ torrentFile, directory, port: await freePort() })
    undo.after(() => foreign.stop())
    await foreign.downloaded()
    const file = await readFile(join(directory, 'layer.raw'))
    assert.equal(sha256(file), sha256(data))
    assert.ok(seeding.stats().uploadedBytes >= SIZE_BYTES)

    await first.close()
    const fresh = await peer('fresh', `127.0.${net}.2`)
    const done = completed(fresh)
    const layer = await storeLayer(description)
    const swarm = await fresh.join(layer)
    await done
    assert.ok(data.equals(await layer.read(0, SIZE_BYTES)))
    assert.equal(swarm.stats().fromOriginBytes, 0)
  })
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A port that was free a moment ago: the foreign clients take no port 0. */
function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number }
      server.close(() => resolve(port))
    })
  })
}
