const FIRST_MS = 250
const MAX_MS = 15_000

/**
 * How long to wait before attempt `failures + 1`: twice as long each time up to 15 s, the upper half of it at random,
 * so that many clients of one server do not come back at once.
 */
export function backoffMs(failures: number, random: () => number): number {
  const full = Math.min(FIRST_MS * 2 ** failures, MAX_MS)
  return full / 2 + (full / 2) * random()
}
