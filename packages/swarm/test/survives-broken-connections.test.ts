import assert from 'node:assert/strict'
import { Socket } from 'node:net'
import { test } from 'node:test'
import { BlockBuffers, seededRandom, silentLogger, steadyClock, systemClock, TransferLimits } from '@shoal/core'
import { createSwarm } from '@shoal/swarm'
import { undoAfter } from '../../../test/harness/undo.ts'
import { until } from '../../../test/harness/until.ts'
import { buildLayer, completed, storeLayer } from './layer-fixture.ts'

const KIB = 1024
const MIB = 1024 * KIB

/** Breaks connections whose ends have such addresses: one of these, any, now. */
function breakOne(prefix: string, random: () => number): boolean {
  const handles: unknown[] = Reflect.get(process, '_getActiveHandles').call(process)
  const sockets = handles.filter(
    (handle): handle is Socket =>
      handle instanceof Socket && !handle.destroyed && handle.remoteAddress?.startsWith(prefix) === true,
  )
  const socket = sockets[Math.floor(random() * sockets.length)]
  socket?.resetAndDestroy()
  return socket !== undefined
}

test('connections may break at any moment, layers be left and joined again: all arrive, and no buffer is lost', async (t) => {
  const undo = undoAfter(t)
  const { description, data } = buildLayer(6 * MIB + 77, { pieceLengthBytes: 256 * KIB })
  const random = seededRandom(20261121)
  const buffers = new BlockBuffers({ count: 64 })
  const daemons = await Promise.all(
    [1, 2, 3, 4].map(async (index) => {
      const limits = new TransferLimits(steadyClock, { upBytesPerSecond: 3 * MIB })
      const swarm = createSwarm(
        { clock: systemClock, logger: silentLogger, buffers },
        {
          role: index === 1 ? 'origin' : 'peer',
          node: `n${index}`,
          rack: index === 4 ? 'other' : 'rack',
          host: `127.61.1.${index}`,
          port: 0,
          dht: false,
          trackers: [],
          limits,
        },
      )
      await swarm.start()
      undo.after(() => swarm.close())
      return swarm
    }),
  )
  const [origin, ...peers] = daemons
  assert.ok(origin !== undefined)
  await origin.join(await storeLayer(description, data, buffers))
  const addresses = daemons.map(({ address }) => address)
  const layers = await Promise.all(
    peers.map(async (peer) => {
      const layer = await storeLayer(description, undefined, buffers)
      const swarm = await peer.join(layer)
      swarm.addPeers(addresses)
      return layer
    }),
  )
  const done = peers.map(completed)
  let broken = 0
  for (let round = 0; round < 40; round += 1) {
    if (breakOne('127.61.1.', random)) broken += 1
    const [peer, layer] = [peers[round % 3], layers[round % 3]]
    if (round % 10 === 9 && peer !== undefined && layer !== undefined && !layer.present.isFull) {
      await peer.leave(description.manifest.digest)
      const swarm = await peer.join(layer)
      swarm.addPeers(addresses)
    }
    await systemClock.sleep(25)
  }
  assert.ok(broken > 20, `${broken} connections were broken`)
  await Promise.all(done)
  for (const layer of layers) assert.ok(data.equals(await layer.read(0, data.length)))
  for (const daemon of daemons) await daemon.close()
  await until('buffers to be free', async () => buffers.usedCount === 0, { everyMs: 5, timeoutMs: 5000 })
})
