import { seededRandom } from '@shoal/core'
import { Zipf } from '../cache/zipf.ts'

const GIB = 1024 ** 3
const MIB = 1024 ** 2

/** What a VM takes of a host: Nova's smaller flavors, of which most clouds start the most. */
export interface Flavor {
  readonly vcpus: number
  readonly ramGiB: number
  readonly diskGiB: number
}

const FLAVORS: readonly { readonly flavor: Flavor; readonly weight: number }[] = [
  { flavor: { vcpus: 2, ramGiB: 4, diskGiB: 20 }, weight: 5 },
  { flavor: { vcpus: 4, ramGiB: 8, diskGiB: 40 }, weight: 3 },
  { flavor: { vcpus: 8, ramGiB: 16, diskGiB: 80 }, weight: 2 },
]

export interface TraceLayer {
  readonly sizeBytes: number
  readonly bootBytes: number
}

export interface VmRequest {
  readonly image: number
  readonly flavor: Flavor
  readonly lifetimeSeconds: number
}

/** VMs that are asked for at once. */
export interface Burst {
  readonly atSeconds: number
  readonly vms: readonly VmRequest[]
}

export interface RequestTrace {
  readonly layers: readonly TraceLayer[]
  /** By image: its layers, the base first. */
  readonly chains: readonly (readonly number[])[]
  readonly bursts: readonly Burst[]
}

export interface TraceOptions {
  readonly requests: number
  readonly images: number
  readonly seed: number
}

const BASES = 12
const ZIPF_EXPONENT = 1
const MEDIAN_BASE = 700 * MIB
const MEDIAN_MIDDLE = 250 * MIB
const SIGMA = 0.6
/** Of a layer, what a boot reads. */
const BOOT_SHARE = 0.117
/** Half of all bursts are single VMs; the others have up to so many, most of them few. */
const SINGLE_SHARE = 0.5
const LARGEST_BURST = 100
/** Of the larger bursts: so many are of several images. */
const MIXED_SHARE = 0.3
const MOST_IMAGES = 5
const DAY_SECONDS = 86_400
/** Of the trace's length, so that it takes turns: most VMs are gone before it ends. */
const MEAN_LIFETIME_SHARE = 0.3

/** A day on which so many VMs are started: images by Zipf's law, arrivals in bursts, lives that end without memory. */
export function createTrace({ requests, images, seed }: TraceOptions): RequestTrace {
  const random = seededRandom(seed)
  const layers = [
    ...Array.from({ length: BASES }, () => layerOf(MEDIAN_BASE, random)),
    ...Array.from({ length: images }, () => layerOf(MEDIAN_MIDDLE, random)),
  ]
  const bases = new Zipf(BASES, ZIPF_EXPONENT, random)
  const chains = Array.from({ length: images }, (_, image) => [bases.draw(), BASES + image])
  const popular = new Zipf(images, ZIPF_EXPONENT, random)
  popular.shuffle()
  const sizes: number[] = []
  for (let left = requests; left > 0; ) {
    const size = Math.min(left, random() < SINGLE_SHARE ? 1 : Math.ceil(LARGEST_BURST ** random()))
    sizes.push(size)
    left -= size
  }
  let atSeconds = 0
  const bursts = sizes.map((size): Burst => {
    atSeconds += exponential(DAY_SECONDS / sizes.length, random)
    const kinds = size > 1 && random() < MIXED_SHARE ? 2 + Math.floor(random() * (MOST_IMAGES - 1)) : 1
    const wanted = Array.from({ length: kinds }, () => popular.draw())
    const vms = Array.from({ length: size }, (_, vm): VmRequest => {
      const image = wanted[vm % kinds] ?? 0
      return {
        image,
        flavor: drawFlavor(random),
        lifetimeSeconds: exponential(DAY_SECONDS * MEAN_LIFETIME_SHARE, random),
      }
    })
    return { atSeconds, vms }
  })
  return { layers, chains, bursts }
}

function layerOf(median: number, random: () => number): TraceLayer {
  const sizeBytes = Math.min(8 * GIB, Math.round(median * Math.exp(SIGMA * normal(random))))
  return { sizeBytes, bootBytes: Math.round(sizeBytes * BOOT_SHARE) }
}

function drawFlavor(random: () => number): Flavor {
  let left = random() * FLAVORS.reduce((sum, { weight }) => sum + weight, 0)
  for (const { flavor, weight } of FLAVORS) {
    left -= weight
    if (left < 0) return flavor
  }
  return { vcpus: 2, ramGiB: 4, diskGiB: 20 }
}

function exponential(mean: number, random: () => number): number {
  return -mean * Math.log(1 - random())
}

/** Box and Muller. */
function normal(random: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
}
