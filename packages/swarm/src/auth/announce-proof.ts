import type { Clock } from '@shoal/core'
import type { Holder, RefusalReason, SwarmIdentity } from './swarm-identity.ts'

const VERSION = 1
const HEAD_BYTES = 12
const MIN_SIGNATURE_BYTES = 8
const MAX_SIGNATURE_BYTES = 512
const MAX_CHAIN_BYTES = 8192
const MAX_TEXT_LENGTH = Math.ceil(((HEAD_BYTES + MAX_SIGNATURE_BYTES + MAX_CHAIN_BYTES) * 4) / 3)
const DOMAIN = 'shoal announce 1\0'
/** Clocks of two machines may differ by this much, as for certificates. */
const WINDOW_MS = 5 * 60_000
/** Announces whose time is remembered, in each of two halves of the time that matters. */
const MAX_SEEN = 200_000
const EVENTS = { update: 0, started: 1, completed: 2, stopped: 3 } as const

/** What an announce says; ids are hexadecimal. */
export interface AnnounceFacts {
  readonly infoHash: string
  readonly peerId: string
  readonly port: number
  readonly leftBytes: number
  readonly event: keyof typeof EVENTS
}

/** The parameter `shoal_auth` of an announce: shows which node it is from, and when it was made. */
export function proveAnnounce(identity: SwarmIdentity, facts: AnnounceFacts, timeMs: number): string {
  const { chain, sign } = identity.credential()
  const signature = sign(messageOf(facts, timeMs))
  const head = Buffer.alloc(HEAD_BYTES)
  head[0] = VERSION
  head.writeUInt16BE(signature.length, 2)
  head.writeBigUInt64BE(BigInt(timeMs), 4)
  return Buffer.concat([head, signature, chain]).toString('base64url')
}

/** Takes announces of nodes of the cluster, each once. */
export class AnnounceGuard {
  readonly #identity: SwarmIdentity
  readonly #clock: Pick<Clock, 'now'>
  readonly #seen: SeenTimes

  /** `clock` is the machine's own time. */
  constructor(identity: SwarmIdentity, clock: Pick<Clock, 'now'>) {
    this.#identity = identity
    this.#clock = clock
    this.#seen = new SeenTimes(clock)
  }

  /** Who made an announce; otherwise what is wrong with its proof, and who it is said to be from. */
  check(text: unknown, facts: AnnounceFacts): Holder | { readonly reason: RefusalReason; readonly shown?: Holder } {
    if (text === undefined) return { reason: 'no-credential' }
    const proof = typeof text === 'string' ? decode(text) : undefined
    if (proof === undefined) return { reason: 'malformed' }
    const { timeMs, signature, chain } = proof
    if (Math.abs(timeMs - this.#clock.now()) > WINDOW_MS) return { reason: 'stale' }
    const key = `${facts.infoHash}${facts.peerId}`
    if (timeMs <= this.#seen.last(key)) return { reason: 'replayed' }
    const holder = this.#identity.check(chain)
    if (typeof holder === 'string') return { reason: holder }
    if (!holder.verify(messageOf(facts, timeMs), signature)) return { reason: 'bad-proof', shown: holder }
    this.#seen.note(key, timeMs)
    return holder
  }
}

/** The time of the last announce of each peer of each layer, for as long as an older one might be said again. */
class SeenTimes {
  readonly #clock: Pick<Clock, 'now'>
  #newer = new Map<string, number>()
  #older = new Map<string, number>()
  #since: number

  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
    this.#since = clock.now()
  }

  last(key: string): number {
    return this.#newer.get(key) ?? this.#older.get(key) ?? 0
  }

  note(key: string, timeMs: number): void {
    if (Math.abs(this.#clock.now() - this.#since) > 2 * WINDOW_MS || this.#newer.size >= MAX_SEEN) {
      this.#older = this.#newer
      this.#newer = new Map()
      this.#since = this.#clock.now()
    }
    this.#newer.set(key, timeMs)
  }
}

function decode(text: string): { timeMs: number; signature: Buffer; chain: Buffer } | undefined {
  if (text.length > MAX_TEXT_LENGTH) return undefined
  const bytes = Buffer.from(text, 'base64url')
  // The decoder passes over what it does not know, padding, and bits that are left over.
  if (bytes.toString('base64url') !== text) return undefined
  if (bytes.length <= HEAD_BYTES || bytes[0] !== VERSION || bytes[1] !== 0) return undefined
  const signatureBytes = bytes.readUInt16BE(2)
  const chainAt = HEAD_BYTES + signatureBytes
  if (signatureBytes < MIN_SIGNATURE_BYTES || signatureBytes > MAX_SIGNATURE_BYTES) return undefined
  const chain = bytes.subarray(chainAt)
  if (chain.length === 0 || chain.length > MAX_CHAIN_BYTES) return undefined
  const timeMs = Number(bytes.readBigUInt64BE(4))
  return { timeMs, signature: bytes.subarray(HEAD_BYTES, chainAt), chain }
}

function messageOf({ infoHash, peerId, port, leftBytes, event }: AnnounceFacts, timeMs: number): Buffer {
  const numbers = Buffer.alloc(19)
  numbers.writeUInt16BE(port, 0)
  numbers.writeBigUInt64BE(BigInt(leftBytes), 2)
  numbers.writeBigUInt64BE(BigInt(timeMs), 10)
  numbers[18] = EVENTS[event]
  return Buffer.concat([Buffer.from(DOMAIN, 'latin1'), Buffer.from(infoHash + peerId, 'hex'), numbers])
}
