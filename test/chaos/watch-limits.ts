import { setTimeout as sleep } from 'node:timers/promises'
import { type ChaosGround, LIMITS, SEED } from './chaos-ground.ts'

const MIB = 1024 ** 2
const SAMPLE_MS = 500
/** Four seconds: over longer ones an image now and then is within any limit. */
const WINDOW_SAMPLES = 8
/** Protocol, acknowledgements, answers to requests: what a wire carries besides the bytes that a limit counts. */
const WIRE_OVERHEAD = 1.12
/** What a bucket lets through at once, and what sockets hold between who counts and who gives. */
const BURST_BYTES = { library: 8 * MIB, origin: 6 * MIB }

export interface LimitReport {
  /** Highest rates over four seconds, in bytes a second. */
  readonly libraryPeak: number
  readonly originPeak: number
  readonly violations: string[]
}

/** Looks all the time at what really crossed the wires, and compares it with what the cloud allows. */
export async function watchLimits({ glance, lab }: ChaosGround, signal: AbortSignal): Promise<LimitReport> {
  const cable = lab.host(SEED).cable
  const samples: { atMs: number; library: number; origin: number; downloads: number }[] = []
  const report = { libraryPeak: 0, originPeak: 0, violations: [] as string[] }
  while (!signal.aborted) {
    const origin = await cable.sentBytes()
    samples.push({ atMs: performance.now(), library: glance.bytes, origin, downloads: glance.downloads })
    if (samples.length > WINDOW_SAMPLES) samples.shift()
    const [first, last] = [samples[0], samples.at(-1)]
    if (first !== undefined && last !== undefined && samples.length === WINDOW_SAMPLES) {
      const seconds = (last.atMs - first.atMs) / 1000
      const library = last.library - first.library
      // Each connection has sockets of its own to fill.
      const downloads = last.downloads - first.downloads + 1
      const origin = last.origin - first.origin
      report.libraryPeak = Math.max(report.libraryPeak, library / seconds)
      report.originPeak = Math.max(report.originPeak, origin / seconds)
      const libraryMost = LIMITS.libraryBytesPerSecond * seconds + BURST_BYTES.library * downloads
      const originMost = LIMITS.originBytesPerSecond * seconds * WIRE_OVERHEAD + BURST_BYTES.origin
      if (library > libraryMost) report.violations.push(`library: ${library} bytes in ${seconds} s`)
      if (origin > originMost) report.violations.push(`origin: ${origin} bytes in ${seconds} s`)
    }
    await sleep(SAMPLE_MS, undefined, { signal }).catch(() => {})
  }
  return report
}
