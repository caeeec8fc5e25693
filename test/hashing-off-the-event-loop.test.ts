import assert from 'node:assert/strict'
import crypto from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { MIN_TRANSFER_BYTES_PER_SECOND, silentLogger, systemClock, TransferLimits } from '@shoal/core'
import { createLayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { createSwarm } from '@shoal/swarm'
import { buildLayer, completed, layerBuffers, storeLayer } from '@shoal/swarm/layer-fixture'
import { ID, RecordingPeer } from '@shoal/swarm/recording-peer'
import { undoAfter } from './harness/undo.ts'

const MIB = 1024 * 1024

test('a layer that arrives is not hashed on the event loop, neither from our daemons nor from others', {
  timeout: 60_000,
}, async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-hashing-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const { description, data } = buildLayer(8 * MIB)
  const store = createLayerStore(
    { state: createMemoryState(), logger: silentLogger, clock: systemClock },
    { directory: join(directory, 'layers') },
  )
  await store.open()
  undo.after(() => store.close())
  const layer = await store.create(description)
  await layer.writeBlocks(0, data.subarray(0, MIB))
  const start = async (
    node: string,
    host: string,
    buffers = layerBuffers,
    downBytesPerSecond: number | null = null,
  ) => {
    const limits = new TransferLimits(systemClock, { downBytesPerSecond })
    const options = { role: 'peer', node, host, port: 0, dht: false, trackers: [], limits } as const
    const swarm = createSwarm({ clock: systemClock, logger: silentLogger, buffers }, options)
    await swarm.start()
    undo.after(() => swarm.close())
    return swarm
  }
  const half = await storeLayer(description)
  await half.writeBlocks(0, data.subarray(0, 4 * MIB))
  // It would fetch what it lacks, into a layer in memory, which does hash here: one block is as much as it gets.
  const ours = await start('ours', '127.0.72.1', layerBuffers, MIN_TRANSFER_BYTES_PER_SECOND)
  await ours.join(half)
  const peer = await start('peer', '127.0.72.2', store.buffers)

  const hashed = countHashedBytes(t)
  const done = completed(peer)
  const joined = await peer.join(layer)
  joined.addPeers([ours.address])
  const foreign = await RecordingPeer.dial(t, {
    address: peer.address,
    from: '127.0.72.3',
    infoHash: description.manifest.infoHash,
  })
  const { pieceLengthBytes } = description.manifest
  foreign.answerWith(({ piece, offset, length }) => {
    const at = piece * pieceLengthBytes + offset
    return data.subarray(at, at + length)
  })
  foreign.send(ID.haveAll)
  foreign.send(ID.unchoke)
  await done
  assert.ok(layer.present.isFull)
  assert.ok(foreign.requests.length > 0)
  // The handshake's own may be: an info hash, a token, the torrent of some kilobytes.
  assert.ok(hashed() < 256 * 1024, `${hashed()} bytes were hashed on the event loop`)
})

/** Counts what goes through Node's synchronous hashes from now on, in whatever library. */
function countHashedBytes(t: import('node:test').TestContext): () => number {
  let bytes = 0
  const { createHash, hash } = crypto
  t.mock.method(crypto, 'createHash', (...args: Parameters<typeof createHash>) => {
    const made = createHash(...args)
    const update = made.update.bind(made) as (data: Uint8Array | string) => typeof made
    return Object.assign(made, {
      update(data: Uint8Array | string) {
        bytes += data.length
        return update(data)
      },
    })
  })
  t.mock.method(crypto, 'hash', (...args: Parameters<typeof hash>) => {
    bytes += (args[1] as Uint8Array | string).length
    return hash(...args)
  })
  syncBuiltinESMExports()
  t.after(() => {
    t.mock.restoreAll()
    syncBuiltinESMExports()
  })
  return () => bytes
}
