import { DenseSet } from './dense-set.ts'

/** Where a peer stands. */
export interface Place {
  readonly zone: string
  readonly rack: string
}

/** Peers as a whole, by zone and by rack. */
export class PeerPool<P extends Place> {
  readonly all = new DenseSet<P>()
  readonly #zones = new Map<string, DenseSet<P>>()
  readonly #racks = new Map<string, DenseSet<P>>()

  zone(place: Place): DenseSet<P> | undefined {
    return this.#zones.get(place.zone)
  }

  rack(place: Place): DenseSet<P> | undefined {
    return this.#racks.get(rackKey(place))
  }

  add(peer: P): void {
    this.all.add(peer)
    addTo(this.#zones, peer.zone, peer)
    addTo(this.#racks, rackKey(peer), peer)
  }

  delete(peer: P): void {
    this.all.delete(peer)
    deleteFrom(this.#zones, peer.zone, peer)
    deleteFrom(this.#racks, rackKey(peer), peer)
  }
}

/** Racks of different zones may have the same name. */
function rackKey({ zone, rack }: Place): string {
  return JSON.stringify([zone, rack])
}

function addTo<P>(sets: Map<string, DenseSet<P>>, key: string, peer: P): void {
  const known = sets.get(key)
  const set = known ?? new DenseSet<P>()
  if (known === undefined) sets.set(key, set)
  set.add(peer)
}

function deleteFrom<P>(sets: Map<string, DenseSet<P>>, key: string, peer: P): void {
  const set = sets.get(key)
  set?.delete(peer)
  if (set?.size === 0) sets.delete(key)
}
