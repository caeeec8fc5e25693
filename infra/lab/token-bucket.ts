const BITS_PER_MBIT = 1e6
// A token bucket needs room for what one timer tick lets through, and for one packet that was not yet cut (64 KiB).
const BURST_SECONDS = 0.004
const MIN_BURST_BYTES = 64 * 1024
const QUEUE_LATENCY = '50ms'

/** What `tc qdisc` is told for a rate. */
export function tokenBucket(rateMbit: number): string {
  const bits = Math.round(rateMbit * BITS_PER_MBIT)
  const burst = Math.max(MIN_BURST_BYTES, Math.round((bits / 8) * BURST_SECONDS))
  return `tbf rate ${bits}bit burst ${burst}b latency ${QUEUE_LATENCY}`
}
