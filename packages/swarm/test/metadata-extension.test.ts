import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import bencode from 'bencode'
import { buildLayer, startSwarm, storeLayer } from './layer-fixture.ts'
import { ID, RecordingPeer } from './recording-peer.ts'

const KIB = 1024
/** What the asking side calls the extension. */
const OUR_NUMBER = 9

test('the metadata is handed out in pieces of 16 KiB, and what is not there is refused (BEP 9)', async (t) => {
  // 1,024 pieces have more than 20,000 bytes of hashes.
  const { description } = buildLayer(64 * 1024 * KIB)
  const { infoHash } = description.manifest
  const swarm = await startSwarm(t, { role: 'peer', node: 'n', host: '127.0.81.1' })
  await swarm.join(await storeLayer(description))
  const peer = await RecordingPeer.dial(t, { address: swarm.address, from: '127.0.81.2', infoHash })
  await peer.until(() => peer.extended !== undefined)
  const { m, metadata_size: size } = peer.extended as { m: { ut_metadata: number }; metadata_size: number }
  assert.ok(size > 16 * KIB && size < 32 * KIB, `${size} bytes`)
  const say = (id: number, message: Record<string, unknown>) =>
    peer.sendBytes(ID.extended, Buffer.from([id]), bencode.encode(message as Record<string, never>))
  say(0, { m: { ut_metadata: OUR_NUMBER } })
  for (const piece of [0, 1, 2]) say(m.ut_metadata, { msg_type: 0, piece })
  const answers = () => peer.of(ID.extended).filter(([id]) => id === OUR_NUMBER)
  await peer.until(() => answers().length === 3)
  const [first, second, third] = answers().map(parse)
  assert.deepEqual([first?.type, second?.type, third?.type], [1, 1, 2])
  assert.equal(first?.data.length, 16 * KIB)
  const info = Buffer.concat([first?.data ?? Buffer.alloc(0), second?.data ?? Buffer.alloc(0)])
  assert.equal(info.length, size)
  assert.equal(createHash('sha1').update(info).digest('hex'), infoHash)
})

/** A message's type, and the bytes behind its dictionary. */
function parse(payload: Buffer): { type: number; data: Buffer } {
  const end = payload.indexOf('ee') + 2
  const { msg_type: type } = bencode.decode(payload.subarray(1, end)) as { msg_type: number }
  return { type, data: payload.subarray(end) }
}
