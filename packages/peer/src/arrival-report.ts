import {
  ARRIVAL_REASONS,
  type ArrivalSample,
  type Flow,
  type LayerArrivals,
  type LayerInventory,
  MAX_ARRIVAL_RACKS,
  MAX_FLOWS,
  MAX_SAMPLES,
} from '@shoal/api'
import type { Arrivals, PieceArrival } from '@shoal/swarm'

/** What the API takes for the name of a rack or zone: others are told as none. */
const PLACE = /^[0-9A-Za-z._-]{0,100}$/
/** Of so many layers it is told: of all that a node may have, a heartbeat would be larger than the seed takes. */
const MAX_TOLD_LAYERS = 500
/** Less is what is left of an average. Bytes per second. */
const LEAST_RATE = 1

/** What a layer's swarm knows of it. */
export type ArrivalSource = Pick<Arrivals, 'racks' | 'reasons' | 'takeSamples'>

type Swarms = Iterable<{ readonly digest: string; readonly arrivals: ArrivalSource }>

/** Where the pieces of a layer came from, and why; undefined when none came. */
export function layerArrivals({ racks, reasons }: Pick<Arrivals, 'racks' | 'reasons'>): LayerArrivals | undefined {
  if (reasons.length === 0) return undefined
  const sums = new Map<string, LayerArrivals['racks'][number]>()
  for (const { isOrigin, bytes, ...from } of racks) {
    if (isOrigin) continue
    const place = toPlace(from)
    const key = `${place.zone}\n${place.rack}`
    sums.set(key, { ...place, bytes: bytes + (sums.get(key)?.bytes ?? 0) })
  }
  return {
    racks: [...sums.values()].slice(0, MAX_ARRIVAL_RACKS + 1),
    reasons: [...reasons].sort((a, b) => orderOf(a) - orderOf(b)),
  }
}

/** Adds where they came from to layers, those first that are on their way. */
export function withArrivals<T extends Pick<LayerInventory, 'digest' | 'state'>>(
  layers: readonly T[],
  arrivalsOf: (digest: string) => ArrivalSource | undefined,
): (T & { arrivals?: LayerArrivals })[] {
  const isComplete = ({ state }: T) => state === 'complete'
  const told = new Map<string, LayerArrivals>()
  for (const { digest } of [...layers].sort((a, b) => Number(isComplete(a)) - Number(isComplete(b)))) {
    if (told.size >= MAX_TOLD_LAYERS) break
    const source = arrivalsOf(digest)
    const arrivals = source === undefined ? undefined : layerArrivals(source)
    if (arrivals !== undefined) told.set(digest, arrivals)
  }
  return layers.map((layer) => {
    const arrivals = told.get(layer.digest)
    return arrivals === undefined ? layer : { ...layer, arrivals }
  })
}

/** What arrives from where just now, of all layers. */
export function presentFlows(swarms: Swarms): Flow[] {
  const flows: Flow[] = []
  for (const { digest, arrivals } of swarms) {
    for (const { isOrigin, bytesPerSecond, ...from } of arrivals.racks) {
      if (bytesPerSecond >= LEAST_RATE) flows.push({ layer: digest, ...toPlace(from), isOrigin, bytesPerSecond })
    }
  }
  return flows.sort((a, b) => b.bytesPerSecond - a.bytesPerSecond).slice(0, MAX_FLOWS)
}

/** Some of the pieces that came since this was asked last: those that came for the more urgent reasons first. */
export function takeSamples(swarms: Swarms, nowMs: number): ArrivalSample[] {
  const samples: (PieceArrival & { readonly layer: string })[] = []
  for (const { digest, arrivals } of swarms) {
    for (const sample of arrivals.takeSamples()) samples.push({ ...sample, layer: digest })
  }
  const chosen = samples.sort((a, b) => orderOf(a) - orderOf(b) || a.ageMs - b.ageMs).slice(0, MAX_SAMPLES)
  return chosen.map(({ ageMs, layer, piece, bytes, node, isOrigin, reason, tookMs, ...from }) => {
    const when = { at: new Date(nowMs - ageMs).toISOString(), tookMs: Math.round(tookMs) }
    return { layer, piece, bytes, source: node, ...toPlace(from), isOrigin, reason, ...when }
  })
}

function orderOf({ reason }: Pick<PieceArrival, 'reason'>): number {
  return ARRIVAL_REASONS.indexOf(reason)
}

/** Other daemons say where they are, and could say anything. */
function toPlace({ zone, rack }: { zone: string; rack: string }): { zone: string; rack: string } {
  return PLACE.test(zone) && PLACE.test(rack) ? { zone, rack } : { zone: '', rack: '' }
}
