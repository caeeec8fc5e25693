/** Bytes at `start`. */
export interface AheadRange {
  readonly start: number
  readonly length: number
}

interface Stream {
  /** Where its last read ended. */
  end: number
  /** How far ahead of that is asked for; 0 until it was seen to go on. */
  windowBytes: number
  /** What is before it was asked for. */
  askedEnd: number
}

const KIB = 1024
/** Files that are read side by side; the one that was read longest ago is forgotten first. */
const MAX_STREAMS = 32
/**
 * So far from where the last read ended one may begin and be taken for its continuation: a guest has several reads under way, whose order
 * changes on their way, and skips what it has in its own cache.
 */
const SLACK_BYTES = 128 * KIB
const FIRST_WINDOW_BYTES = 512 * KIB
const MAX_WINDOW_BYTES = 8 * 1024 * KIB

/**
 * What will be read next, by the way that reads have gone: after the on-demand read-ahead of Linux (Wu Fengguang, "On the design of a new
 * Linux readahead framework", 2008). A read that goes on where one ended makes a stream, whose window doubles each time that half of what
 * was asked for is used up; one that does not is the possible beginning of another, and nothing is asked for.
 */
export class ReadAhead {
  /** The one that was read longest ago first. */
  readonly #streams: Stream[] = []

  /** Streams that are known. */
  get streamCount(): number {
    return this.#streams.length
  }

  /** Somebody reads; gives what should be fetched now beside that. */
  onRead(start: number, length: number): AheadRange | undefined {
    const index = this.#streams.findLastIndex(({ end }) => Math.abs(start - end) <= SLACK_BYTES)
    const [known] = index < 0 ? [] : this.#streams.splice(index, 1)
    const end = start + length
    const stream = known ?? { end, windowBytes: 0, askedEnd: end }
    this.#streams.push(stream)
    if (this.#streams.length > MAX_STREAMS) this.#streams.shift()
    if (known === undefined || end <= stream.end) return undefined
    stream.end = end
    const leftBytes = stream.askedEnd - end
    if (stream.windowBytes > 0 && leftBytes > stream.windowBytes / 2) return undefined
    stream.windowBytes = Math.min(MAX_WINDOW_BYTES, stream.windowBytes * 2 || FIRST_WINDOW_BYTES)
    const from = Math.max(end, stream.askedEnd)
    stream.askedEnd = end + stream.windowBytes
    return { start: from, length: stream.askedEnd - from }
  }
}
