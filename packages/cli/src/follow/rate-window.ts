const WINDOW_MS = 10_000

/** Makes a meter: give it the time and a growing count of bytes, get the rate over the last ten seconds. */
export function createRateWindow(): (now: number, bytes: number) => number {
  const samples: { at: number; bytes: number }[] = []
  return (now, bytes) => {
    samples.push({ at: now, bytes })
    while (samples.length > 2 && now - (samples[0]?.at ?? now) > WINDOW_MS) samples.shift()
    const first = samples[0]
    if (first === undefined || now <= first.at) return 0
    return Math.max(0, ((bytes - first.bytes) / (now - first.at)) * 1000)
  }
}
