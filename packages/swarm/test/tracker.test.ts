import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { test } from 'node:test'
import { errorCode, silentLogger } from '@shoal/core'
import { createTracker } from '@shoal/swarm'
import { Client } from 'bittorrent-tracker'

const INFO_HASH = '01'.repeat(20)
const options = { host: '127.0.0.1', port: 0, announceIntervalMs: 60_000 }

function announce(t: { after(fn: () => void): void }, url: string, peerId: string, port: number, infoHash = INFO_HASH) {
  const client = new Client({ infoHash, peerId, announce: [url], port, wrtc: false })
  client.on('error', () => {})
  t.after(() => client.destroy())
  return client
}

for (const [index, protocol] of ['http', 'udp'].entries()) {
  test(`peers find each other over ${protocol}, at the addresses they registered`, async (t) => {
    const peerId = 'aa'.repeat(20)
    const tracker = createTracker(
      { logger: silentLogger },
      {
        ...options,
        allows: (infoHash) => infoHash === INFO_HASH,
        advertised: (id) => (id === peerId ? '192.0.2.7:7000' : undefined),
      },
    )
    const url = (await tracker.start())[index] ?? ''
    t.after(() => tracker.stop())
    assert.ok(url.startsWith(protocol))
    const first = announce(t, url, peerId, 6881)
    first.start()
    await once(first, 'update')
    const second = announce(t, url, 'bb'.repeat(20), 6882)
    // The tracker hands the asker out as well, in any order.
    const found = new Promise<void>((resolve) => {
      second.on('peer', (address: string) => address === '192.0.2.7:7000' && resolve())
    })
    second.start()
    await found
    assert.equal(tracker.peers(), 2)
  })
}

test('an info hash that is not ours is refused', async (t) => {
  const tracker = createTracker(
    { logger: silentLogger },
    { ...options, allows: () => false, advertised: () => undefined },
  )
  const [url = ''] = await tracker.start()
  t.after(() => tracker.stop())
  const client = announce(t, url, 'cc'.repeat(20), 6883)
  const warned = once(client, 'warning')
  client.start()
  assert.match(String((await warned)[0]), /does not know/)
  assert.equal(tracker.peers(), 0)
})

test('a port in use is a coded error', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.after(() => other.close())
  const { port } = other.address() as { port: number }
  const tracker = createTracker(
    { logger: silentLogger },
    { ...options, port, allows: () => true, advertised: () => undefined },
  )
  await assert.rejects(tracker.start(), (error) => errorCode(error) === 'SHOAL_TRACKER_LISTEN')
})
