import { type BencodeBounds, decodeDictionary } from './bounded-bencode.ts'

/** Of an answer: some hundred peers, each of 6 or 18 bytes. */
export const MAX_TRACKER_ANSWER_BYTES = 16 * 1024
const ANSWER_BOUNDS: BencodeBounds = { maxBytes: MAX_TRACKER_ANSWER_BYTES, maxDepth: 4, maxValues: 512 }
/** Peers taken of one answer, each of the two kinds. */
const MAX_PEERS = 200
const PEER_BYTES = 6
const PEER6_BYTES = 18
const MAX_REASON_LENGTH = 200

/** What a daemon takes of a tracker's answer. */
export interface TrackerAnswer {
  readonly interval?: number
  /** Compact addresses (BEP 23, BEP 7). */
  readonly peers?: Uint8Array
  readonly peers6?: Uint8Array
}

/**
 * Reads an HTTP tracker's answer to an announce. The library takes fields of any type and throws at some. Throws for what is no
 * answer, and with the tracker's own words when it refuses.
 */
export function readTrackerAnswer(body: Uint8Array): TrackerAnswer {
  const answer = decodeDictionary(body, ANSWER_BOUNDS)
  if (answer === undefined) throw new Error('the tracker answered with no bencoded dictionary')
  const reason = answer['failure reason']
  if (reason !== undefined) throw new Error(`the tracker refused: ${text(reason)}`)
  const interval = answer.interval ?? answer['min interval']
  const peers = compact(answer.peers, PEER_BYTES)
  const peers6 = compact(answer.peers6, PEER6_BYTES)
  return {
    ...(typeof interval === 'number' ? { interval } : {}),
    ...(peers === undefined ? {} : { peers }),
    ...(peers6 === undefined ? {} : { peers6 }),
  }
}

function compact(value: unknown, bytesEach: number): Uint8Array | undefined {
  if (!(value instanceof Uint8Array) || value.length % bytesEach !== 0) return undefined
  return value.subarray(0, MAX_PEERS * bytesEach)
}

function text(reason: unknown): string {
  const bytes = reason instanceof Uint8Array ? Buffer.from(reason) : Buffer.from(String(reason))
  return bytes.toString('utf8').slice(0, MAX_REASON_LENGTH)
}
