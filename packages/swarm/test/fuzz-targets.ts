import { EventEmitter } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import bencode, { type Bencodable } from 'bencode'
import { Client as DhtClient } from 'bittorrent-dht'
import Wire from 'bittorrent-protocol'
import { boundMessages } from '../src/bound-messages.ts'
import { bencodeEnd, decodeBencode, MESSAGE_BOUNDS } from '../src/bounded-bencode.ts'
import { isDhtDatagram } from '../src/dht-datagram.ts'
import { FRAME, isBlockRange, namedBy, readPieces, writeHeader } from '../src/lane/frame.ts'
import { FrameReader } from '../src/lane/frame-reader.ts'
import { decodeLanePreamble, encodeLanePreamble } from '../src/lane/lane-preamble.ts'
import { LaneReceiver } from '../src/lane/lane-receiver.ts'
import { metadataExtension } from '../src/metadata-extension.ts'
import { shoalExtension } from '../src/shoal-extension.ts'
import { decodeTorrent, encodeTorrent } from '../src/torrent-file.ts'
import { AnnounceServer } from '../src/tracker/announce-server.ts'
import { readTrackerAnswer } from '../src/tracker-answer.ts'
import { authTargets } from './auth/fuzz-targets.ts'
import { laneRecordsTarget } from './lane/fuzz-targets.ts'

const ID = Buffer.alloc(20, 1)
const BENCODED = ['l-3:', '1:a', 'i1e', 'le', 'de', 'd1:ai1ee', '-1:', 'i-0e', '20:aaaaaaaaaaaaaaaaaaaa']
const encode = (value: Bencodable) => bencode.encode(value)
const PIECES = 40

const { torrent } = encodeTorrent({
  ...{ name: 'layer.raw', sizeBytes: PIECES * 65_536, pieceLengthBytes: 65_536 },
  ...{ pieceHashes: Buffer.alloc(PIECES * 20, 9), announce: ['http://127.0.0.1:1/announce'] },
})

const DATAGRAMS = [
  { t: 'aa', y: 'q', q: 'ping', a: { id: ID } },
  { t: 'aa', y: 'q', q: 'find_node', a: { id: ID, target: ID } },
  { t: 'aa', y: 'q', q: 'get_peers', a: { id: ID, info_hash: ID } },
  { t: 'aa', y: 'q', q: 'announce_peer', a: { id: ID, info_hash: ID, port: 1, token: 'secret' } },
  { t: 'aa', y: 'r', r: { id: ID, nodes: Buffer.alloc(52, 3), values: [Buffer.alloc(6, 4)], token: 'secret' } },
  { t: 'aa', y: 'e', e: [203, 'cannot'] },
].map(encode)

const HELLO = {
  ...{ m: { shoal: 2, ut_metadata: 1 }, metadata_size: 1000, v: 'x', reqq: 250 },
  shoal: { role: 'peer', node: 'n1', zone: '', rack: 'r1', port: 7441, token: Buffer.alloc(16, 5) },
}
const extended = (id: number, value: Bencodable) => Buffer.concat([Buffer.from([20, id]), encode(value)])
const numbers = (id: number, ...values: number[]) => {
  const bytes = Buffer.alloc(1 + values.length * 4, id)
  for (const [index, value] of values.entries()) bytes.writeUInt32BE(value, 1 + index * 4)
  return bytes
}
const MESSAGES = [
  ...[
    extended(0, HELLO),
    extended(1, { msg_type: 0, piece: 0 }),
    extended(2, { msg_type: 1, piece: 0, total_size: 9 }),
  ],
  ...[numbers(0), numbers(1), numbers(2), numbers(3), numbers(4, 3), numbers(14), numbers(15), numbers(17, 1)],
  ...[numbers(6, 1, 0, 16_384), numbers(8, 1, 0, 16_384), numbers(13, 2), numbers(16, 1, 0, 16_384)],
  ...[Buffer.concat([Buffer.from([5]), Buffer.alloc(PIECES / 8, 0xff)]), Buffer.from([9, 0, 1])],
  Buffer.concat([numbers(7, 1, 0), Buffer.alloc(64)]),
]

/** A wire as a layer's swarm has one, which is given whole messages. A new one when it was closed, or has much to say that nobody reads. */
function wireTarget(): FuzzTarget {
  let wire: Wire | undefined
  let used = 0
  let isClosed = false
  const renew = () => {
    const fresh = new Wire()
    const destroy = fresh.destroy.bind(fresh)
    fresh.destroy = () => {
      isClosed = true
      return destroy()
    }
    fresh.use(metadataExtension(Buffer.alloc(40_000, 1), () => true))
    const own = { role: 'peer', node: 'n', zone: '', rack: '', lane: undefined } as const
    fresh.use(
      shoalExtension(
        own,
        (hello) => mustHold(hello === undefined || hello.node.length <= 253, 'a long name'),
        () => {},
      ),
    )
    boundMessages(fresh, { pieceCount: PIECES, torrentBytes: torrent.length, onMessage: () => {} })
    used = 0
    isClosed = false
    return fresh
  }
  return {
    name: 'wire-messages',
    corpus: MESSAGES,
    words: BENCODED,
    execute: (input) => {
      if (wire === undefined || isClosed || used > 200) {
        wire?.destroy()
        wire = renew()
      }
      used += 1
      wire._onMessage(input)
      return !isClosed
    },
    close: () => wire?.destroy(),
  }
}

/** The DHT's library behind our check, with a socket that sends nothing. */
function dhtTarget(): FuzzTarget {
  const sent = () => {}
  const socket = Object.assign(new EventEmitter(), {
    ...{ bind: sent, send: sent, address: () => ({ address: '127.0.0.1', port: 1 }), close: sent },
  })
  const dht = new DhtClient({ bootstrap: false, socket, maxPeers: 1000 })
  dht.on('warning', () => {})
  return {
    name: 'dht-datagrams',
    corpus: DATAGRAMS,
    words: [...BENCODED, 'info_hash', 'implied_port', 'values', 'nodes', 'announce_peer', 'put', 'get'],
    execute: (input) => {
      if (!isDhtDatagram(input)) return false
      socket.emit('message', input, { address: '127.0.0.2', port: 2, family: 'IPv4', size: input.length })
      return true
    },
    close: () => dht.destroy(() => {}),
  }
}

function trackerTargets(): FuzzTarget[] {
  // Each input comes in a second of its own: else it is a flood.
  let seconds = 0
  const counts = { intervalSeconds: 1, complete: 0, incomplete: 0, peers: [] }
  const server = new AnnounceServer(
    {
      allows: () => true,
      announce: (_infoHash, { port, leftKib, wanted }) => {
        mustHold(port > 0 && port < 65_536 && leftKib >= 0 && wanted > 0, `port ${port}, left ${leftKib}, ${wanted}`)
        return counts
      },
      scrape: () => ({ complete: 0, incomplete: 0 }),
    },
    {
      now: () => {
        seconds += 1
        return seconds * 1000
      },
      ...{ elapsed: () => 0, sleep: () => new Promise(() => {}) },
    },
  )
  server.on('warning', () => {})
  const answers: Buffer[] = []
  const { udp4 } = server
  if (udp4 !== null) udp4.send = ((bytes: Buffer) => answers.push(bytes)) as unknown as typeof udp4.send
  const sender = { address: '127.0.0.2', port: 2, family: 'IPv4' as const, size: 98 }
  const connect = Buffer.from('00000417271019800000000000000001', 'hex')
  server.onUdpRequest(connect, sender)
  const connectionId = answers.at(-1)?.subarray(8, 16) ?? Buffer.alloc(8)
  const announce = Buffer.alloc(98, 1)
  connectionId.copy(announce)
  announce.writeUInt32BE(1, 8)
  const scrape = Buffer.concat([connectionId, Buffer.from([0, 0, 0, 2]), Buffer.alloc(44, 2)])
  const hash = '%01'.repeat(20)
  const path = `/announce?info_hash=${hash}&peer_id=${hash}&port=7441&left=0&uploaded=0&downloaded=0&compact=1`
  const connection = { remoteAddress: '127.0.0.2' }
  const taken = { head: '' }
  const response = {
    end: (bytes: Uint8Array) => {
      taken.head = Buffer.from(bytes).toString('latin1', 0, 8)
    },
  }
  return [
    {
      name: 'tracker-udp',
      corpus: [connect, announce, scrape],
      execute: (input) => {
        answers.length = 0
        server.onUdpRequest(input, { ...sender, size: input.length })
        return answers.length > 0
      },
    },
    {
      name: 'tracker-http',
      corpus: [path, `${path}&event=started&numwant=50`, `/scrape?info_hash=${hash}`].map((text) => Buffer.from(text)),
      words: [
        '&info_hash=',
        '&info_hash[]=',
        '&peer_id=',
        '&port=',
        '&left=',
        '&event=',
        '%00',
        '&__proto__=',
        '&numwant=',
      ],
      execute: (input) => {
        const request = { url: input.toString('latin1'), headers: {}, connection, socket: connection }
        // What is refused is answered at once.
        taken.head = ''
        server.onHttpRequest(request as unknown as IncomingMessage, response as unknown as ServerResponse)
        return !taken.head.startsWith('d14:fail')
      },
      close: () => udp4?.close(),
    },
  ]
}

function frame(type: number, payload = Buffer.alloc(0), b = 1): Buffer {
  const bytes = Buffer.alloc(16)
  writeHeader(bytes, 0, { type, flags: 0, channel: 1, length: payload.length, a: 0, b })
  return Buffer.concat([bytes, payload])
}

const FRAMES = [
  Buffer.concat([
    frame(FRAME.join, ID),
    frame(FRAME.request),
    frame(FRAME.cancel),
    frame(FRAME.need, Buffer.alloc(8, 1)),
  ]),
  Buffer.concat([frame(FRAME.have, Buffer.alloc(8)), frame(FRAME.block, Buffer.alloc(32)), frame(FRAME.closed)]),
  Buffer.concat([frame(FRAME.want), frame(FRAME.arrived), frame(FRAME.leave), frame(FRAME.urge), frame(FRAME.reject)]),
]

/** Hands bytes on in two parts: a frame may end anywhere. */
const halves = (input: Buffer): [Buffer, Buffer] => {
  const middle = input.length === 0 ? 0 : input.readUInt8(input.length - 1) % input.length
  return [input.subarray(0, middle), input.subarray(middle)]
}

const laneServer: FuzzTarget = {
  name: 'lane-frames-to-source',
  corpus: [...FRAMES, encodeLanePreamble({ peerId: '11'.repeat(20), token: Buffer.alloc(16, 5) })],
  execute: (input) => {
    decodeLanePreamble(input)
    const reader = new FrameReader((header, payload) => {
      mustHold(header.length === payload.length && payload.length <= 65_536, 'a payload of another length')
      mustHold(namedBy(header) > 0, 'a frame that names nothing')
      const pieces = header.type === FRAME.need ? readPieces(payload.subarray(0, payload.length & ~3), PIECES) : []
      if (isBlockRange(header, PIECES)) mustHold(header.a + header.b <= PIECES, 'blocks beyond the layer')
      return pieces !== undefined
    })
    return halves(input).every((part) => reader.read(part))
  },
}

const laneClient: FuzzTarget = {
  name: 'lane-frames-from-source',
  corpus: FRAMES,
  execute: (input) => {
    let isBroken = false
    const intake = { acquire: () => undefined, giveUp: () => {} }
    const receiver = new LaneReceiver(intake as unknown as ConstructorParameters<typeof LaneReceiver>[0], {
      onBlock: ({ length }) => ({ length, isUrgent: false, isTaken: false, onBytes: () => {}, onWhole: () => {} }),
      isLeft: (channel) => channel === 7,
      onControl: (header, payload) => {
        mustHold(header.length === payload.length, 'a payload of another length')
        return readPieces(payload, PIECES) !== undefined
      },
      onBroken: () => {
        isBroken = true
      },
    })
    let at = 0
    while (at < input.length && !isBroken) {
      const target = receiver.onread.buffer
      const space = typeof target === 'function' ? target() : target
      mustHold(space.length > 0, 'a read of nothing')
      const bytes = Math.min(space.length, input.length - at, 1 + (input[at] ?? 0))
      Buffer.from(space.buffer, space.byteOffset, bytes).set(input.subarray(at, at + bytes))
      receiver.onread.callback(bytes, space)
      at += bytes
    }
    receiver.close()
    return !isBroken
  },
}

export function openFuzzTargets(): FuzzTarget[] {
  return [
    {
      name: 'bencode',
      corpus: [...DATAGRAMS, torrent.subarray(0, 400), encode(HELLO), ...BENCODED.map((text) => Buffer.from(text))],
      words: BENCODED,
      execute: (input) => {
        const end = bencodeEnd(input, MESSAGE_BOUNDS)
        const decoded = decodeBencode(input, MESSAGE_BOUNDS)
        mustHold((end === undefined) === (decoded === undefined), 'one takes what the other refuses')
        if (end === undefined) return false
        mustHold(end > 0 && end <= input.length && decoded?.value !== undefined, 'nothing decoded')
        return true
      },
    },
    {
      name: 'torrent-file',
      corpus: [torrent],
      words: [...BENCODED, '4:info', '6:length', '12:piece length'],
      execute: (input) => decodeTorrent(input) !== undefined,
    },
    {
      name: 'tracker-answer',
      corpus: [
        encode({ interval: 30, complete: 1, incomplete: 2, peers: Buffer.alloc(12, 1), peers6: Buffer.alloc(18) }),
      ],
      words: [...BENCODED, '14:failure reason', '5:peers', '8:interval'],
      execute: (input) => {
        try {
          const { interval, peers = [], peers6 = [] } = readTrackerAnswer(input)
          mustHold(interval === undefined || Number.isSafeInteger(interval), 'an interval that is no number')
          mustHold(peers.length % 6 === 0 && peers6.length % 18 === 0, 'half a peer')
          return true
        } catch (error) {
          if (error instanceof Error && error.message.startsWith('the tracker ')) return false
          throw error
        }
      },
    },
    wireTarget(),
    dhtTarget(),
    ...trackerTargets(),
    laneServer,
    laneClient,
    laneRecordsTarget(),
    ...authTargets(),
  ]
}
