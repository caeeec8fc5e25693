import type { GuestRange } from './guest-range.ts'

/** A disk in parts of one length; the last may be shorter. */
export function* diskWindows(sizeBytes: number, windowBytes: number): Generator<GuestRange> {
  for (let start = 0; start < sizeBytes; start += windowBytes) {
    yield { start, length: Math.min(windowBytes, sizeBytes - start) }
  }
}
