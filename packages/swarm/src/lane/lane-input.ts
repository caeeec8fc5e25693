import type { OnReadOpts } from 'node:net'
import { RecordOpener } from '../auth/records.ts'
import type { DirectionKey } from '../auth/session-keys.ts'
import { LANE_ANSWER_BYTES } from './lane-greeting.ts'

export interface LaneInputEvents {
  /** The source's answer is whole: the key its records come with, `undefined` for plain frames, `false` when it is not right. */
  onAnswer(answer: Buffer): DirectionKey | undefined | false
  /** A record did not open, or the answer was not right: it is not the source who speaks. */
  onBroken(reason: 'tampered' | 'bad-proof'): void
}

/** What comes on a lane between daemons with credentials: the answer, then frames, as they are or in records. */
export class LaneInput {
  readonly #events: LaneInputEvents
  readonly #frames: OnReadOpts
  readonly #answer = Buffer.alloc(LANE_ANSWER_BYTES)
  #answered = 0
  #opener: RecordOpener | undefined
  /** All bytes that came. */
  receivedBytes = 0

  /** `frames` takes what is in the records. */
  constructor(frames: OnReadOpts, events: LaneInputEvents) {
    this.#frames = frames
    this.#events = events
  }

  /** For `net.connect`. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#target(),
    callback: (bytes, target) => this.#onRead(bytes, target),
  }

  get isAnswered(): boolean {
    return this.#answered === LANE_ANSWER_BYTES
  }

  /** Whether the rest of a record is due. */
  get isMidRecord(): boolean {
    return this.#opener?.isMidRecord === true
  }

  #target(): Uint8Array {
    if (!this.isAnswered) return this.#answer.subarray(this.#answered)
    return this.#opener?.target() ?? bufferOf(this.#frames)
  }

  #onRead(bytes: number, target: Uint8Array): boolean {
    this.receivedBytes += bytes
    if (!this.isAnswered) return this.#onAnswer(bytes)
    if (this.#opener === undefined) return this.#frames.callback(bytes, target)
    const plain = this.#opener.took(bytes)
    if (plain === false) this.#events.onBroken('tampered')
    return plain === undefined || (plain !== false && this.#pass(plain))
  }

  #onAnswer(bytes: number): boolean {
    this.#answered += bytes
    if (!this.isAnswered) return true
    const key = this.#events.onAnswer(this.#answer)
    if (key === false) this.#events.onBroken('bad-proof')
    else if (key !== undefined) this.#opener = new RecordOpener(key, { roomBytes: RecordOpener.LARGE })
    return key !== false
  }

  /** All of a record, also to those who want no more just now: they keep what they cannot place. */
  #pass(plain: Buffer): boolean {
    let isMore = true
    for (let at = 0; at < plain.length; ) {
      const target = bufferOf(this.#frames)
      const some = plain.subarray(at, at + target.length)
      target.set(some)
      at += some.length
      isMore = this.#frames.callback(some.length, target)
    }
    return isMore
  }
}

function bufferOf({ buffer }: OnReadOpts): Uint8Array {
  return typeof buffer === 'function' ? buffer() : buffer
}
