import type { OnReadOpts, Socket } from 'node:net'
import type { DirectionKey } from '../auth/session-keys.ts'
import { LANE_ANSWER_BYTES } from './lane-greeting.ts'
import type { LaneReceiver } from './lane-receiver.ts'
import { RecordInput } from './record-input.ts'

export interface LaneInputEvents {
  /** The source's answer is whole: the key its records come with, `undefined` for plain frames, `false` when it is not right. */
  onAnswer(answer: Buffer): DirectionKey | undefined | false
  /** A record did not open, or the answer was not right: it is not the source who speaks. */
  onBroken(reason: 'tampered' | 'bad-proof'): void
}

/** What comes on a lane between daemons with credentials: the answer, then frames, as they are or in records. */
export class LaneInput {
  readonly #events: LaneInputEvents
  readonly #receiver: LaneReceiver
  readonly #answer = Buffer.alloc(LANE_ANSWER_BYTES)
  #answered = 0
  #records: RecordInput | undefined
  /** All bytes that came. */
  receivedBytes = 0

  constructor(receiver: LaneReceiver, events: LaneInputEvents) {
    this.#receiver = receiver
    this.#events = events
  }

  /** For `net.connect`. */
  readonly onread: OnReadOpts = {
    buffer: () => this.#target(),
    callback: (bytes, target) => this.#onRead(bytes, target),
  }

  attach(socket: Socket): void {
    this.#receiver.attach({
      resume: () => {
        if (this.#records === undefined || this.#isMore(this.#records.resume())) socket.resume()
      },
    })
  }

  get isAnswered(): boolean {
    return this.#answered === LANE_ANSWER_BYTES
  }

  /** Whether the rest of a record is due. */
  get isMidRecord(): boolean {
    return this.#records?.isMidRecord === true
  }

  #target(): Uint8Array {
    if (!this.isAnswered) return this.#answer.subarray(this.#answered)
    if (this.#records !== undefined) return this.#records.target()
    const { buffer } = this.#receiver.onread
    return typeof buffer === 'function' ? buffer() : buffer
  }

  #onRead(bytes: number, target: Uint8Array): boolean {
    this.receivedBytes += bytes
    if (!this.isAnswered) return this.#onAnswer(bytes)
    if (this.#records === undefined) return this.#receiver.onread.callback(bytes, target)
    return this.#isMore(this.#records.took(bytes, target))
  }

  #onAnswer(bytes: number): boolean {
    this.#answered += bytes
    if (!this.isAnswered) return true
    const key = this.#events.onAnswer(this.#answer)
    if (key === false) this.#events.onBroken('bad-proof')
    else if (key !== undefined) this.#records = new RecordInput(this.#receiver, key)
    return key !== false
  }

  #isMore(isGenuine: boolean): boolean {
    if (!isGenuine) this.#events.onBroken('tampered')
    return isGenuine && this.#receiver.wantsMore
  }
}
