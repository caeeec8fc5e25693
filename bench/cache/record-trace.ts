import type { Trace, TraceImages } from './trace.ts'

const MIB = 1024 ** 2
export const HOUR_MS = 3_600_000
export const DAY_MS = 24 * HOUR_MS

export const NODES = 16
export const NODES_PER_RACK = 4
const NODES_PER_ZONE = 8

/** What one node starts where nothing else is said. */
const STARTS_PER_NODE_A_DAY = 100
/** Between two starts of the fleet, in the mean. */
export const GAP_MS = DAY_MS / (NODES * STARTS_PER_NODE_A_DAY)

export type Random = () => number

/** The next start of a trace. */
export interface NextStart {
  readonly node: number
  readonly image: number
  /** Until it comes, in the mean: {@link GAP_MS} when nothing is said. */
  readonly gapMs?: number
}

/** Writes down so many starts, whose times are a Poisson process. */
export function recordTrace(
  { layers, images }: TraceImages,
  { name, starts, random }: { name: string; starts: number; random: Random },
  next: (timeMs: number) => NextStart,
): Trace {
  const times = new Float64Array(starts)
  const node = new Uint16Array(starts)
  const image = new Uint32Array(starts)
  let timeMs = 0
  for (let index = 0; index < starts; index += 1) {
    const start = next(timeMs)
    timeMs += -Math.log(1 - random()) * (start.gapMs ?? GAP_MS)
    times[index] = timeMs
    node[index] = start.node
    image[index] = start.image
  }
  const fleet = { nodes: NODES, nodesPerRack: NODES_PER_RACK, nodesPerZone: NODES_PER_ZONE }
  return { name, layers, images, ...fleet, times, node, image }
}

/** Images of one layer each: 900 MiB in the median, 1.3 GiB in the mean. */
export function flatImages(count: number, random: Random): TraceImages {
  const layers = Array.from({ length: count }, () => ({ sizeBytes: logNormal(random, 900, 0.9) }))
  return { layers, images: layers.map((_, index) => [index]) }
}

export function anyNode(random: Random): number {
  return Math.floor(random() * NODES)
}

/** Whole mebibytes around a median, in bytes. */
export function logNormal(random: Random, medianMiB: number, sigma: number): number {
  const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  return Math.max(1, Math.round(medianMiB * Math.exp(sigma * normal))) * MIB
}
