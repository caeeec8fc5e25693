import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { it } from 'node:test'
import { errorCode, ManualClock, silentLogger } from '@shoal/core'
import { createTracker, type Tracker, type TrackerOptions } from '@shoal/swarm'
import { Client } from 'bittorrent-tracker'
import { type Undo, undoAfter } from '../../../../test/harness/undo.ts'

const INFO_HASH = 'f1'.repeat(20)
const PROTOCOLS = ['http', 'udp'] as const

interface Update {
  complete: number
  incomplete: number
}

interface Running {
  readonly tracker: Tracker
  readonly clock: ManualClock
  readonly urls: readonly string[]
}

async function startTracker(undo: Undo, change: Partial<TrackerOptions> = {}): Promise<Running> {
  const clock = new ManualClock(1_000_000)
  const tracker = createTracker(
    { logger: silentLogger, clock, random: () => 0.5 },
    {
      ...{ host: '127.0.41.1', port: 0, announceIntervalMs: 30_000 },
      allows: (infoHash) => infoHash === INFO_HASH,
      describe: (peerId) => (peerId.startsWith('5348') ? { address: addressOf(peerId) } : undefined),
      ...change,
    },
  )
  const urls = await tracker.start()
  undo.after(() => tracker.stop())
  return { tracker, clock, urls }
}

/** The peer id of one of our nodes, and the address that it registered. */
function node(number: number): string {
  return `5348${number.toString(16).padStart(36, '0')}`
}

function addressOf(peerId: string): string {
  return `192.0.2.${Number.parseInt(peerId.slice(4), 16)}:7441`
}

/** A client that announces when it is told to only, and says what it was answered. */
class Announcer {
  readonly client: Client
  readonly #found: string[] = []

  constructor(undo: Undo, url: string, peerId: string, { port = 6881, left = 100, infoHash = INFO_HASH } = {}) {
    const getAnnounceOpts = () => ({ uploaded: 0, downloaded: 0, left })
    const client = new Client({ infoHash, peerId, announce: [url], port, wrtc: false, getAnnounceOpts })
    client.on('peer', (address: string) => this.#found.push(address))
    client.on('error', () => {})
    undo.after(() => new Promise((resolve) => client.destroy(resolve)))
    this.client = client
  }

  async ask(what: 'start' | 'update' | 'complete' = 'update'): Promise<Update & { peers: string[] }> {
    this.#found.length = 0
    const answered = once(this.client, 'update') as Promise<[Update]>
    const refused = once(this.client, 'warning').then(([error]) => Promise.reject(error))
    this.client[what]()
    const [{ complete, incomplete }] = await Promise.race([answered, refused])
    // The library says `peer` after `update`, but before anybody waits for it.
    return { complete, incomplete, peers: this.#found.toSorted() }
  }
}

for (const [index, protocol] of PROTOCOLS.entries()) {
  it(`peers find each other over ${protocol}, nodes at the addresses they registered`, async (t) => {
    const undo = undoAfter(t)
    const { tracker, urls } = await startTracker(undo)
    const url = urls[index] ?? ''
    assert.ok(url.startsWith(protocol))
    const first = new Announcer(undo, url, node(7))
    assert.deepEqual((await first.ask('start')).peers, [])
    const foreign = new Announcer(undo, url, 'ff'.repeat(20), { port: 6882 })
    assert.deepEqual((await foreign.ask('start')).peers, [addressOf(node(7))])
    assert.deepEqual((await first.ask()).peers, ['127.0.0.1:6882'])
    assert.equal(tracker.peers(), 2)
  })

  it(`a tracker that was restarted knows all that announce again over ${protocol}`, async (t) => {
    const undo = undoAfter(t)
    const before = await startTracker(undo)
    const port = Number(new URL(before.urls[0] ?? '').port)
    const announcers = Array.from({ length: 5 }, (_, n) => {
      return new Announcer(undo, before.urls[index] ?? '', node(n + 1), { left: n === 0 ? 0 : 100 })
    })
    for (const announcer of announcers) await announcer.ask('start')
    await before.tracker.stop()
    const { tracker } = await startTracker(undo, { port })
    assert.equal(tracker.peers(), 0)
    for (const announcer of announcers) await announcer.ask()
    assert.equal(tracker.peers(), 5)
    const { complete, incomplete, peers } = (await announcers[1]?.ask()) ?? assert.fail()
    assert.deepEqual({ complete, incomplete }, { complete: 1, incomplete: 4 })
    assert.deepEqual(
      peers,
      [1, 3, 4, 5].map((number) => addressOf(node(number))),
    )
  })

  it(`a peer that stops, dies or is forgotten is handed out no more over ${protocol}`, async (t) => {
    const undo = undoAfter(t)
    const { tracker, clock, urls } = await startTracker(undo)
    const [asker, stops, dies, forgotten] = [1, 2, 3, 4].map((n) => new Announcer(undo, urls[index] ?? '', node(n)))
    for (const each of [stops, dies, forgotten, asker]) await each?.ask('start')
    assert.equal((await asker?.ask())?.peers.length, 3)
    stops?.client.stop()
    // A stop is answered without an event: the next answer shows it.
    while (tracker.peers() > 3) assert.ok((await asker?.ask())?.peers.includes(addressOf(node(3))))
    tracker.forget(addressOf(node(4)))
    assert.deepEqual((await asker?.ask())?.peers, [addressOf(node(3))])
    // Told to come back after 5 s, it does not.
    clock.advance(11_000)
    assert.deepEqual((await asker?.ask())?.peers, [])
  })

  it(`a scrape over ${protocol} counts the peers of a swarm`, async (t) => {
    const undo = undoAfter(t)
    const { urls } = await startTracker(undo)
    const done = new Announcer(undo, urls[index] ?? '', node(1), { left: 0 })
    await done.ask('start')
    await new Announcer(undo, urls[index] ?? '', node(2)).ask('start')
    const scraped = once(done.client, 'scrape')
    done.client.scrape()
    const [{ complete, incomplete }] = (await scraped) as [Update]
    assert.deepEqual({ complete, incomplete }, { complete: 1, incomplete: 1 })
  })
}

it('an announce over either protocol is of the same peer, and over 2 GiB are not nothing', async (t) => {
  const undo = undoAfter(t)
  const { tracker, urls } = await startTracker(undo)
  // The library reads this number as 0.
  const left = 2 ** 32 - 2 ** 17
  for (const url of urls) {
    const { complete, incomplete } = await new Announcer(undo, url, node(1), { left }).ask('start')
    assert.deepEqual({ complete, incomplete }, { complete: 0, incomplete: 1 })
  }
  assert.equal(tracker.peers(), 1)
})

it('an info hash that is not ours is refused', async (t) => {
  const undo = undoAfter(t)
  const { tracker, urls } = await startTracker(undo)
  for (const url of urls) {
    await assert.rejects(new Announcer(undo, url, node(1), { infoHash: '02'.repeat(20) }).ask('start'), /does not know/)
  }
  assert.equal(tracker.peers(), 0)
})

it('IPv6 addresses are handed out as BEP 7 says, names not at all', async (t) => {
  const undo = undoAfter(t)
  const addresses = new Map([
    [node(1), '[2001:db8::7]:7441'],
    [node(2), 'compute2.example:7442'],
  ])
  const { urls } = await startTracker(undo, { describe: (peerId) => ({ address: addresses.get(peerId) ?? 'x:1' }) })
  for (const peerId of addresses.keys()) await new Announcer(undo, urls[0] ?? '', peerId).ask('start')
  const { peers } = await new Announcer(undo, urls[0] ?? '', node(3)).ask('start')
  assert.deepEqual(peers, ['127.0.0.1:7442', '[2001:db8::7]:7441'])
})

it('answers are compact whatever was asked for, and requests that make no sense are refused', async (t) => {
  const undo = undoAfter(t)
  const { urls } = await startTracker(undo)
  const ask = async (query: string) => (await fetch(`${urls[0]}?${query}`)).text()
  const hash = '%F1'.repeat(20)
  const peer = (letter: string) => `info_hash=${hash}&peer_id=${letter.repeat(20)}&port=6881`
  await ask(`${peer('a')}&compact=0&left=5`)
  for (const compact of ['', '&compact=0', '&compact=1', '&compact=7']) {
    assert.match(await ask(`info_hash=${hash}&peer_id=${'b'.repeat(20)}&port=6882&left=5${compact}`), /5:peers6:/)
  }
  for (const bad of [
    `${peer('c')}&event=dance`,
    `info_hash=${hash}`,
    'info_hash=1',
    '',
    `${peer('c')}&port=1&port=2`,
    `info_hash=${hash}&peer_id=${'c'.repeat(20)}&port=.4`,
    `info_hash=${hash}&peer_id=${'c'.repeat(20)}&port=7441.5`,
  ]) {
    assert.match(await ask(bad), /failure reason/, bad)
  }
})

it('a scrape over HTTP names the info hash byte by byte, and one that names none learns of none', async (t) => {
  const undo = undoAfter(t)
  const { urls } = await startTracker(undo)
  const url = urls[0] ?? ''
  await new Announcer(undo, url, node(1)).ask('start')
  const scrape = async (query: string) => {
    const response = await fetch(url.replace('/announce', `/scrape${query}`))
    return Buffer.from(await response.arrayBuffer())
  }
  const answer = await scrape(`?info_hash=${'%F1'.repeat(20)}`)
  assert.ok(answer.includes(Buffer.concat([Buffer.from('5:filesd20:'), Buffer.from(INFO_HASH, 'hex')])))
  assert.ok((await scrape('')).includes('5:filesde'))
})

it('over UDP nobody announces without having received what was sent to its address', async (t) => {
  const undo = undoAfter(t)
  const { tracker, urls } = await startTracker(undo)
  const { hostname, port } = new URL(urls[1]?.replace('udp', 'http') ?? '')
  const socket = createSocket('udp4')
  undo.after(async () => socket.close())
  const send = async (message: Buffer) => {
    const received = once(socket, 'message') as Promise<[Buffer]>
    socket.send(message, Number(port), hostname)
    return (await received)[0]
  }
  const magic = Buffer.from('0000041727101980', 'hex')
  const announce = (id: Buffer) => {
    const message = Buffer.alloc(98)
    id.copy(message)
    message.writeUInt32BE(1, 8)
    Buffer.from(INFO_HASH, 'hex').copy(message, 16)
    message.fill(0x61, 36, 56)
    // Another's address in the packet counts for nothing.
    Buffer.from([192, 0, 2, 99]).copy(message, 84)
    message.writeUInt16BE(7000, 96)
    return message
  }
  assert.equal((await send(announce(magic))).readUInt32BE(0), 3)
  assert.equal(tracker.peers(), 0)
  const connected = await send(Buffer.concat([magic, Buffer.alloc(8)]))
  assert.deepEqual([connected.length, connected.readUInt32BE(0)], [16, 0])
  assert.equal((await send(announce(connected.subarray(8)))).readUInt32BE(0), 1)
  // What no tracker can read does not end it.
  for (const length of [0, 15, 16, 97])
    socket.send(announce(connected.subarray(8)).subarray(0, length), Number(port), hostname)
  const { peers } = await new Announcer(undo, urls[0] ?? '', node(1)).ask('start')
  assert.deepEqual(peers, ['127.0.0.1:7000'])
})

it('a port in use is a coded error', async (t) => {
  const undo = undoAfter(t)
  const other = createServer().listen(0, '127.0.41.1')
  await once(other, 'listening')
  undo.after(async () => other.close())
  const { port } = other.address() as { port: number }
  await assert.rejects(startTracker(undo, { port }), (error) => errorCode(error) === 'SHOAL_TRACKER_LISTEN')
})
