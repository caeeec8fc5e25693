import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { describe, it, type TestContext, test } from 'node:test'
import { type Clock, ManualClock, silentLogger } from '@shoal/core'
import bencode, { type Bencodable } from 'bencode'
import { undoAfter } from '../../../test/harness/undo.ts'
import { openDht } from '../src/dht.ts'
import { isDhtDatagram, MAX_DHT_PEERS } from '../src/dht-datagram.ts'
import { DHT_RATES, type DhtRefusal } from '../src/dht-socket.ts'

type Fields = { [key: string]: Bencodable }

const ID = Buffer.alloc(20, 1)
const HASH = Buffer.alloc(20, 2)
const query = (q: string, a: Fields = {}): Fields => ({ t: 'aa', y: 'q', q, a: { id: ID, ...a } })
const response = (r: Fields = {}): Fields => ({ t: 'aa', y: 'r', r: { id: ID, ...r } })
const announce = (a: Fields = {}) => query('announce_peer', { info_hash: HASH, port: 7441, token: 'secret', ...a })

describe('isDhtDatagram takes what nodes say (BEP 5)', () => {
  for (const [name, message] of Object.entries<Fields>({
    ping: query('ping'),
    find_node: query('find_node', { target: HASH }),
    get_peers: query('get_peers', { info_hash: HASH }),
    announce_peer: announce(),
    'announce_peer from the port of the datagram': announce({ port: 0, implied_port: 1 }),
    'an answer with nodes': response({ nodes: Buffer.alloc(20 * 26) }),
    'an answer with peers': response({ token: 'secret', values: Array(MAX_DHT_PEERS).fill(Buffer.alloc(6)) }),
    'an error': { t: 'aa', y: 'e', e: [203, 'cannot'] },
  })) {
    it(name, () => assert.ok(isDhtDatagram(bencode.encode(message))))
  }
})

const WRONG: Record<string, Fields> = {
  'no transaction': { y: 'q', q: 'ping', a: { id: ID } },
  'a transaction that is a number': { ...query('ping'), t: 5 },
  'no kind': { t: 'aa' },
  'a kind that is a list': { ...query('ping'), y: ['q'] },
  'a query without arguments': { t: 'aa', y: 'q', q: 'ping' },
  'arguments that are text': { t: 'aa', y: 'q', q: 'ping', a: 'text' },
  'arguments that are a list': { t: 'aa', y: 'q', q: 'ping', a: [ID] },
  'a query without an id': { t: 'aa', y: 'q', q: 'find_node', a: { target: HASH } },
  'a short id': query('ping', { id: 'short' }),
  'a target that is a number': query('find_node', { target: 1 }),
  'a target that is short': query('find_node', { target: 'x' }),
  'an info hash that is a number': query('get_peers', { info_hash: 7 }),
  'an info hash that is a list': query('get_peers', { info_hash: [HASH] }),
  'an info hash that is a dictionary': query('get_peers', { info_hash: { toString: HASH } }),
  'a token that is a number': announce({ token: 5 }),
  'a token that is a list': announce({ token: ['secret'] }),
  'a port that is text': announce({ port: '7441' }),
  'a port beyond ports': announce({ port: 70_000 }),
  'a value to be kept (BEP 44)': query('put', { v: 'x', token: 'secret' }),
  'a value that is asked for (BEP 44)': query('get', { target: HASH }),
  'an answer without an id': { t: 'aa', y: 'r', r: {} },
  'nodes that are a list': response({ nodes: [1] }),
  'nodes of the wrong length': response({ nodes: Buffer.alloc(27) }),
  'peers that are text': response({ values: 'text' }),
  'peers that are numbers': response({ values: [1, 2] }),
  'peers that are short': response({ values: ['x'] }),
  'an error that is text': { t: 'aa', y: 'e', e: 'text' },
}

describe('isDhtDatagram refuses', () => {
  for (const [name, message] of Object.entries(WRONG)) {
    it(name, () => assert.ok(!isDhtDatagram(bencode.encode(message))))
  }
  for (const text of ['l-3:', 'd1:t2:aa1:y1:q1:q4:ping1:al-3:', `${'d1:a'.repeat(400)}`, '', 'hello']) {
    it(`"${text.slice(0, 20)}"`, () => assert.ok(!isDhtDatagram(Buffer.from(text))))
  }
})

async function openNode(t: TestContext, host: string, clock: Clock = new ManualClock()) {
  const undo = undoAfter(t)
  const refused: DhtRefusal[] = []
  const dht = await openDht(
    { host, advertiseHost: host, port: 0, bootstrap: [] },
    { clock, logger: silentLogger, onRefused: (reason) => refused.push(reason) },
  )
  undo.after(() => new Promise<void>((resolve) => dht.destroy(() => resolve())))
  const socket = createSocket('udp4')
  socket.bind(0, host)
  await once(socket, 'listening')
  undo.after(async () => void socket.close())
  const { port } = dht.address()
  const send = (bytes: Uint8Array) => socket.send(bytes, port, host)
  const ask = async (message: Fields) => {
    const answered = once(socket, 'message')
    send(bencode.encode(message))
    const [bytes] = (await answered) as [Buffer]
    return bencode.decode(bytes) as { r?: { token: Uint8Array; values?: Uint8Array[] } }
  }
  return { dht, refused, send, ask }
}

test('a node that is sent datagrams of every wrong shape answers as before and counts them', async (t) => {
  const { refused, send, ask } = await openNode(t, '127.0.95.1')
  const wrong = [...Object.values(WRONG).map((message) => bencode.encode(message)), Buffer.from('l-3:')]
  for (const bytes of wrong) send(bytes)
  assert.ok((await ask(query('ping'))).r !== undefined)
  assert.deepEqual(refused, Array(wrong.length).fill('malformed'))
})

test('an answer names so many peers as fit into one datagram', async (t) => {
  const { ask } = await openNode(t, '127.0.95.2')
  const asked = await ask(query('get_peers', { info_hash: HASH }))
  const token = asked.r?.token ?? Buffer.alloc(0)
  for (let port = 1; port <= MAX_DHT_PEERS + 20; port += 1) await ask(announce({ port, token }))
  const { r } = await ask(query('get_peers', { info_hash: HASH }))
  assert.equal(r?.values?.length, MAX_DHT_PEERS)
})

test('a host that floods the DHT is not listened to until the next second', async (t) => {
  const clock = new ManualClock()
  const { refused, send, ask } = await openNode(t, '127.0.95.3', clock)
  for (let sent = 0; sent < DHT_RATES.perSource; sent += 1) await ask(query('ping'))
  for (let sent = 0; sent < 5; sent += 1) send(bencode.encode(query('ping')))
  while (refused.length < 5) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual(refused, Array(5).fill('flood'))
  clock.advance(1000)
  assert.ok((await ask(query('ping'))).r !== undefined)
})
