import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { type Logger, systemClock } from '@shoal/core'
import { createSwarm, createTracker } from '@shoal/swarm'
import { undoAfter } from '../../../../test/harness/undo.ts'
import { until } from '../../../../test/harness/until.ts'
import { LANE_FIRST_BYTE } from '../../src/lane/lane-preamble.ts'
import { HostilePeer, MESSAGE } from '../hostile-peer.ts'
import { buildLayer, layerBuffers, storeLayer } from '../layer-fixture.ts'
import { TestCluster } from './test-cluster.ts'

const HOST = '127.2.80.1'
const STRANGER = '127.2.80.9'

test('whoever is refused at a wire, a lane, the DHT or the tracker is in the log, with what it was, why, and from where', async (t) => {
  const undo = undoAfter(t)
  const lines: string[] = []
  const quiet = () => {}
  const warn = (facts: { kind?: string; reason?: string; address?: string }, message: string) => {
    const host = facts.address?.replace(/:\d+$/, '')
    if (message === 'refused somebody in the swarm') lines.push(`${facts.kind} ${facts.reason} ${host}`)
  }
  const logger: Logger = { debug: quiet, info: quiet, warn: warn as Logger['warn'], error: quiet, child: () => logger }
  const identity = new TestCluster().seed('seed').identity
  const origin = createSwarm(
    { clock: systemClock, logger, buffers: layerBuffers, identity },
    {
      ...{ role: 'origin', node: 'seed', host: HOST, port: 0, trackers: [] },
      dht: { host: HOST, port: 0, bootstrap: [] },
    },
  )
  await origin.start()
  undo.after(() => origin.close())
  const tracker = createTracker(
    { logger, identity },
    { host: HOST, port: 0, announceIntervalMs: 1000, allows: () => true, describe: () => undefined },
  )
  const [announceUrl = ''] = await tracker.start()
  undo.after(() => tracker.stop())
  const { description, data } = buildLayer(1024 * 1024)
  await origin.join(await storeLayer(description, data))
  const { infoHash } = description.manifest

  const client = await HostilePeer.meet(
    { after: (fn) => undo.after(async () => fn()) },
    { address: origin.address, from: STRANGER, infoHash },
  )
  client.send(MESSAGE.interested)
  await client.closed
  const [host = '', port] = origin.address.split(':')
  const lane = connect({ host, port: Number(port), localAddress: STRANGER })
  lane.on('error', () => {}).resume()
  lane.write(Buffer.concat([Buffer.of(LANE_FIRST_BYTE), Buffer.alloc(111, 7)]))
  await once(lane, 'close')
  const udp = createSocket('udp4').bind(0, STRANGER)
  undo.after(async () => void udp.close())
  await once(udp, 'listening')
  const [, dhtPort] = (origin.dhtAddress ?? '').split(':')
  udp.send('d1:ad2:id20:aaaaaaaaaaaaaaaaaaaae1:q4:ping1:t2:aa1:y1:qe', Number(dhtPort), HOST)
  const announce = `info_hash=${'%61'.repeat(20)}&peer_id=${'b'.repeat(20)}&port=1&left=1&event=started`
  await (await fetch(`${announceUrl}?${announce}`)).arrayBuffer()

  await until('the log tells', async () => lines.length >= 4, { timeoutMs: 5000, everyMs: 10 })
  assert.deepEqual(lines.sort(), [
    `announce no-credential ${'127.0.0.1'}`,
    `dht no-credential ${STRANGER}`,
    `lane malformed ${STRANGER}`,
    `wire no-credential ${STRANGER}`,
  ])
})
