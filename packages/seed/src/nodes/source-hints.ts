import type { Place } from './replica-counts.ts'

/** A node of which a layer can be fetched. */
export interface Source extends Place {
  readonly node: string
  readonly address: string
}

/** By zone, then by rack. */
type Racks = ReadonlyMap<string, ReadonlyMap<string, readonly Source[]>>

/**
 * Whom each node is told that it may fetch a layer from. Every node asks that every few seconds, so the answer must not cost a look at all nodes: who
 * is where is put in order once, when it is asked for after a change.
 */
export class SourceHints {
  readonly #byLayer = new Map<string, Racks>()
  readonly #sourcesOf: (layer: string) => Iterable<Source>

  constructor(sourcesOf: (layer: string) => Iterable<Source>) {
    this.#sourcesOf = sourcesOf
  }

  /** Nobody's place, state or mode, and nobody who has some of a layer, is taken for granted any more: of one layer, or of all. */
  forget(layer?: string): void {
    if (layer === undefined) this.#byLayer.clear()
    else this.#byLayer.delete(layer)
  }

  /** Addresses of others: of the same rack first, then of the same zone, then any. Each node is told other ones of these first. */
  near(layer: string, { node, place, limit }: { node: string; place: Place | undefined; limit: number }): string[] {
    const zones = this.#byLayer.get(layer) ?? inOrder(this.#sourcesOf(layer))
    this.#byLayer.set(layer, zones)
    const start = startOf(node)
    const addresses: string[] = []
    for (const lists of tiers(zones, place)) {
      for (const source of turned(lists, start)) {
        if (addresses.length === limit) return addresses
        if (source.node !== node) addresses.push(source.address)
      }
    }
    return addresses
  }
}

function inOrder(sources: Iterable<Source>): Racks {
  const zones = new Map<string, Map<string, Source[]>>()
  for (const source of sources) {
    const racks = zones.get(source.zone) ?? new Map<string, Source[]>()
    const rack = racks.get(source.rack) ?? []
    zones.set(source.zone, racks.set(source.rack, rack))
    rack.push(source)
  }
  return zones
}

/** Nearer ones first; from a place that nobody knows all are as far. */
function* tiers(zones: Racks, place: Place | undefined): Generator<(readonly Source[])[]> {
  const own = place && zones.get(place.zone)
  if (own !== undefined) {
    yield [own.get(place?.rack ?? '') ?? []]
    yield [...own].filter(([rack]) => rack !== place?.rack).map(([, sources]) => sources)
  }
  yield [...zones].filter(([zone]) => zone !== place?.zone).flatMap(([, racks]) => [...racks.values()])
}

/** All of some lists, one after another, from somewhere in the middle and round. */
function* turned(lists: readonly (readonly Source[])[], start: number): Generator<Source> {
  const total = lists.reduce((sum, { length }) => sum + length, 0)
  const from = total === 0 ? 0 : start % total
  let at = 0
  for (const list of lists) {
    const first = Math.max(0, from - at)
    for (let index = first; index < list.length; index += 1) yield list[index] as Source
    at += list.length
  }
  at = 0
  for (const list of lists) {
    const end = Math.min(list.length, from - at)
    for (let index = 0; index < end; index += 1) yield list[index] as Source
    at += list.length
  }
}

/** So that the first of a list are not everybody's peers. */
function startOf(node: string): number {
  let sum = 7
  for (let index = 0; index < node.length; index += 1) sum = (sum * 31 + node.charCodeAt(index)) % 65_521
  return sum
}
