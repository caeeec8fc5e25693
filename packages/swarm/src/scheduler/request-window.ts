import { RecentRate } from './recent-rate.ts'
import type { Source } from './source.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Bytes asked for and not yet here: as much as comes in so many milliseconds, within bounds. More makes a VM's read wait. */
const WINDOW_MS = 200
const MIN_WINDOW_BYTES = MIB
/** ... and at least so much for each source: where there are many, few of them would be asked for anything at a time. */
const WINDOW_BYTES_PER_SOURCE = 96 * KIB
const MAX_WINDOW_BYTES = 16 * MIB
/** ... of one source. */
const SOURCE_WINDOW_MS = 100
const MAX_SOURCE_WINDOW_BYTES = 2 * MIB

/** How much of a layer may be asked for at a time, by the rate at which it comes. */
export class RequestWindow {
  readonly #now: () => number
  readonly #rate = new RecentRate()

  constructor(now: () => number) {
    this.#now = now
  }

  onReceived(bytes: number): void {
    this.#rate.add(bytes, this.#now())
  }

  /** Of all sources, of which there are so many. */
  bytes(sources: number): number {
    const leastBytes = Math.max(MIN_WINDOW_BYTES, sources * WINDOW_BYTES_PER_SOURCE)
    return Math.min(MAX_WINDOW_BYTES, Math.max(leastBytes, (this.#rate.at(this.#now()) * WINDOW_MS) / 1000))
  }
}

/** How much may be asked of one source at a time. */
export function sourceWindow({ bytesPerSecond, leastWindowBytes }: Source): number {
  const bytes = (bytesPerSecond * SOURCE_WINDOW_MS) / 1000
  return Math.min(MAX_SOURCE_WINDOW_BYTES, Math.max(leastWindowBytes, bytes))
}
