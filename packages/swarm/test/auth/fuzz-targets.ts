import { generateKeyPairSync } from 'node:crypto'
import { type FuzzTarget, mustHold } from '@shoal/core/fuzz'
import { AnnounceGuard, proveAnnounce } from '../../src/auth/announce-proof.ts'
import { DhtSeal } from '../../src/auth/dht-seal.ts'
import { encodeLayerGrant, isLayerGrantSigned, layerGrantEnd } from '../../src/auth/layer-grant.ts'
import { RecordOpener } from '../../src/auth/record-opener.ts'
import { RecordSealer } from '../../src/auth/record-sealer.ts'
import type { SwarmIdentity } from '../../src/auth/swarm-identity.ts'
import { WireHandshake } from '../../src/auth/wire-handshake.ts'
import { answerLane, decodeLaneGreeting, isGenuine, LaneOpening } from '../../src/lane/lane-greeting.ts'

const CHAIN = Buffer.alloc(300, 0x30)
const SIGNATURE = Buffer.alloc(70, 0x31)
const ID = '11'.repeat(20)
const KEY = { key: Buffer.alloc(32, 7), iv: Buffer.alloc(12, 8) }

/** Whoever it is about: what is tried is what stands before signatures, which every change breaks. */
const identity: SwarmIdentity = {
  credential: () => ({ chain: CHAIN, sign: () => SIGNATURE }),
  check: (chain) => {
    mustHold(chain.length > 0 && chain.length <= 12_288, `a chain of ${chain.length} bytes`)
    return 'unknown-authority'
  },
  grant: () => undefined,
  checkGrant: () => 'bad-grant',
}

const GRANTS = generateKeyPairSync('ed25519')
const SUBJECT = { node: 'n1', infoHash: ID }

const session = { isInitiator: true, infoHash: ID, ownPeerId: ID, otherPeerId: '22'.repeat(20) }
const token = Buffer.alloc(32, 5)
const lane = { peerId: ID, node: 'n1', token, wantsSealed: false }

/** What is read before anybody has proven who it is. */
export function authTargets(): FuzzTarget[] {
  const handshake = new WireHandshake(identity, session)
  const facts = { infoHash: ID, peerId: ID, port: 7441, leftBytes: 1, event: 'started' } as const
  const guard = new AnnounceGuard(identity, { now: () => 1_000_000 })
  const seal = new DhtSeal({ now: () => 1_000_000 })
  seal.setKeys([KEY.key])
  const datagram = seal.seal(Buffer.from('d1:q4:ping1:y1:qe'), undefined) ?? Buffer.alloc(0)
  const opening = new LaneOpening(lane)
  const greeting = decodeLaneGreeting(opening.greeting)
  const answered = greeting && answerLane(greeting, { token, isSealed: true })
  const records = Buffer.concat([
    ...(new RecordSealer(KEY).seal(Buffer.alloc(100, 1)) ?? []),
    ...(new RecordSealer(KEY).seal(CHAIN) ?? []),
  ])
  const grant = encodeLayerGrant(SUBJECT, 1_000_000, GRANTS.privateKey)
  return [
    {
      name: 'auth-hello',
      corpus: [
        new WireHandshake({ ...identity, credential: () => ({ chain: SIGNATURE, sign: () => SIGNATURE }) }, session)
          .hello,
      ],
      execute: (input) => handshake.onHello(input) === 'unknown-authority',
    },
    {
      name: 'auth-records',
      corpus: [records],
      execute: (input) => {
        const opener = new RecordOpener(KEY)
        const opened = opener.push(input)
        mustHold(opener.target().length > 0, 'a read of nothing')
        mustHold(opened === undefined || opened.length < input.length || input.length === 0, 'more than was sealed')
        return opened !== undefined
      },
    },
    {
      name: 'lane-greeting',
      corpus: [opening.greeting, answered?.answer ?? Buffer.alloc(0)],
      execute: (input) => {
        opening.onAnswer(input)
        const decoded = decodeLaneGreeting(input)
        if (decoded === undefined) return false
        const isRight = input.subarray(0, opening.greeting.length).equals(opening.greeting)
        mustHold(isGenuine(decoded, token) === isRight, 'a changed greeting is genuine')
        return true
      },
    },
    {
      name: 'announce-proof',
      corpus: [Buffer.from(proveAnnounce(identity, facts, 1_000_000))],
      execute: (input) => {
        const checked = guard.check(input.toString('latin1'), facts)
        mustHold('reason' in checked, 'an announce of nobody')
        return 'reason' in checked && checked.reason === 'unknown-authority'
      },
    },
    {
      name: 'layer-grant',
      corpus: [grant],
      execute: (input) => {
        const endsAt = layerGrantEnd(input)
        mustHold(endsAt === undefined || (Number.isSafeInteger(endsAt) && endsAt >= 0), 'an end that is no time')
        const isSigned = isLayerGrantSigned(input, SUBJECT, [GRANTS.publicKey])
        mustHold(isSigned === input.equals(grant), 'a changed grant counts, or the right one does not')
        return endsAt !== undefined
      },
    },
    {
      name: 'dht-seal',
      corpus: [datagram],
      execute: (input) => {
        const opened = seal.open(input, { address: '127.0.0.2', port: 2 })
        mustHold(typeof opened === 'string' || input.equals(datagram), 'a changed datagram opens')
        return typeof opened !== 'string'
      },
    },
  ]
}
