import { seededRandom } from '@shoal/core'
import {
  anyNode,
  DAY_MS,
  flatImages,
  GAP_MS,
  HOUR_MS,
  logNormal,
  NODES,
  NODES_PER_RACK,
  type Random,
  recordTrace,
} from './record-trace.ts'
import type { Trace, TraceLayer } from './trace.ts'
import { Zipf } from './zipf.ts'

const SEED = 5
const IMAGES = 400
const EXPONENT = 0.9

type Generator = (recording: { name: string; starts: number; random: Random }) => Trace

/** Machines that are started, by what is told apart; README.md says what each trace is like. */
const generators = {
  'zipf-drift': zipfDrift,
  'bulk-waves': bulkWaves,
  'day-night': dayNight,
  scan: scanned,
  'layer-trees': layerTrees,
  'rack-affinity': rackAffinity,
} as const satisfies Record<string, Generator>

export type TraceName = keyof typeof generators
export const TRACE_NAMES = Object.keys(generators) as TraceName[]

/** The same for the same name and length. */
export function createTrace(name: TraceName, starts: number): Trace {
  return generators[name]({ name, starts, random: seededRandom(SEED) })
}

/** Popular images that slowly change places. */
function zipfDrift(recording: Parameters<Generator>[0]): Trace {
  const { random } = recording
  const images = flatImages(IMAGES, random)
  const zipf = new Zipf(IMAGES, EXPONENT, random)
  return recordTrace(images, recording, () => {
    drift(zipf, IMAGES, random)
    return { node: anyNode(random), image: zipf.draw() }
  })
}

/** Every hour or so one image goes to many nodes within minutes, often a new one. Between the waves a steady load. */
function bulkWaves(recording: Parameters<Generator>[0]): Trace {
  const { random } = recording
  const count = 600
  const background = new Zipf(count, 1, random)
  let [left, first, width, image, newest] = [0, 0, NODES, 0, 0]
  return recordTrace(flatImages(count, random), recording, () => {
    if (left > 0) {
      left -= 1
      return { node: (first + (left % width)) % NODES, image, gapMs: 1000 }
    }
    if (random() < GAP_MS / HOUR_MS) {
      first = anyNode(random)
      width = 4 + Math.floor(random() * (NODES - 3))
      left = width * (1 + Math.floor(random() * 12))
      if (random() < 0.4) newest = (newest + 1) % count
      image = random() < 0.5 ? newest : background.draw()
    }
    return { node: anyNode(random), image: background.draw() }
  })
}

/** By day other images than by night. */
function dayNight(recording: Parameters<Generator>[0]): Trace {
  const { random } = recording
  const half = IMAGES / 2
  const zipfs = [new Zipf(half, EXPONENT, random), new Zipf(half, EXPONENT, random)] as const
  return recordTrace(flatImages(IMAGES, random), recording, (timeMs) => {
    const isDay = timeMs % DAY_MS < DAY_MS / 2
    const set = isDay === random() < 0.95 ? 0 : 1
    return { node: anyNode(random), image: set * half + zipfs[set].draw() }
  })
}

/** A steady load; every three weeks or so somebody starts each image once on every node, in half a day. */
function scanned(recording: Parameters<Generator>[0]): Trace {
  const { random } = recording
  const zipf = new Zipf(IMAGES, EXPONENT, random)
  zipf.shuffle()
  let left = 0
  return recordTrace(flatImages(IMAGES, random), recording, () => {
    if (left === 0 && random() < 1 / 30_000) left = IMAGES * NODES
    if (left === 0) return { node: anyNode(random), image: zipf.draw() }
    const gapMs = GAP_MS / 10
    if (random() < 0.1) return { node: anyNode(random), image: zipf.draw(), gapMs }
    left -= 1
    return { node: left % NODES, image: Math.floor(left / NODES), gapMs }
  })
}

/** A dozen bases, and many middles over each. */
function layerTrees(recording: Parameters<Generator>[0]): Trace {
  const { random } = recording
  const bases = 12
  const layers: TraceLayer[] = Array.from({ length: bases }, () => ({ sizeBytes: logNormal(random, 700, 0.5) }))
  const images: number[][] = layers.map((_, index) => [index])
  const trees = new Zipf(bases, 1, random)
  for (let index = 0; index < IMAGES; index += 1) {
    const base = trees.draw()
    layers.push({ sizeBytes: logNormal(random, 250, 0.9), base })
    images.push([bases + index, base])
  }
  const zipf = new Zipf(images.length, EXPONENT, random)
  zipf.shuffle()
  return recordTrace({ layers, images }, recording, () => {
    drift(zipf, images.length, random)
    return { node: anyNode(random), image: zipf.draw() }
  })
}

/** Each rack is there for other things, as host aggregates are; a fifth of the starts are of what all like. */
function rackAffinity(recording: Parameters<Generator>[0]): Trace {
  const { random } = recording
  const shared = new Zipf(IMAGES, EXPONENT, random)
  const racks = Array.from({ length: NODES / NODES_PER_RACK }, () => new Zipf(IMAGES, EXPONENT, random))
  for (const zipf of racks) zipf.shuffle()
  return recordTrace(flatImages(IMAGES, random), recording, () => {
    const node = anyNode(random)
    const own = racks[Math.floor(node / NODES_PER_RACK)] ?? shared
    return { node, image: (random() < 0.2 ? shared : own).draw() }
  })
}

/** A day or so apart an image rises to where people look. */
function drift(zipf: Zipf, images: number, random: Random): void {
  if (random() < 1 / 2000) zipf.promote(Math.floor(random() * images), Math.floor(random() * 20))
}
