import type { Replicas } from '@shoal/api'

/** Where a node is. Racks of two zones may have the same name. */
export interface Place {
  readonly zone: string
  readonly rack: string
}

interface ZoneCount {
  nodes: number
  readonly racks: Map<string, number>
}

interface LayerCount {
  nodes: number
  readonly zones: Map<string, ZoneCount>
}

/**
 * How many nodes hold all of each layer, by place: what every heartbeat is told of every layer must not cost a look at
 * the nodes that hold it.
 */
export class ReplicaCounts {
  readonly #layers = new Map<string, LayerCount>()

  add(layer: string, { zone, rack }: Place): void {
    const ofLayer = this.#layers.get(layer) ?? { nodes: 0, zones: new Map<string, ZoneCount>() }
    const ofZone = ofLayer.zones.get(zone) ?? { nodes: 0, racks: new Map<string, number>() }
    ofLayer.nodes += 1
    ofZone.nodes += 1
    ofZone.racks.set(rack, (ofZone.racks.get(rack) ?? 0) + 1)
    ofLayer.zones.set(zone, ofZone)
    this.#layers.set(layer, ofLayer)
  }

  /** Takes back one that was added at that place. */
  remove(layer: string, { zone, rack }: Place): void {
    const ofLayer = this.#layers.get(layer)
    const ofZone = ofLayer?.zones.get(zone)
    const ofRack = ofZone?.racks.get(rack)
    if (ofLayer === undefined || ofZone === undefined || ofRack === undefined) {
      throw new TypeError(`no replica of ${layer} was counted in zone "${zone}", rack "${rack}"`)
    }
    ofLayer.nodes -= 1
    ofZone.nodes -= 1
    if (ofRack > 1) ofZone.racks.set(rack, ofRack - 1)
    else ofZone.racks.delete(rack)
    if (ofZone.nodes === 0) ofLayer.zones.delete(zone)
    if (ofLayer.nodes === 0) this.#layers.delete(layer)
  }

  /** All that are counted, as seen from a place; from nowhere all are elsewhere. */
  around(layer: string, place: Place | undefined): Replicas {
    const ofLayer = this.#layers.get(layer)
    const ofZone = place === undefined ? undefined : ofLayer?.zones.get(place.zone)
    const rack = (place === undefined ? undefined : ofZone?.racks.get(place.rack)) ?? 0
    const inZone = ofZone?.nodes ?? 0
    return { rack, zone: inZone - rack, elsewhere: (ofLayer?.nodes ?? 0) - inZone }
  }
}
