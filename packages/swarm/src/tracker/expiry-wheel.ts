/** Something that is dropped at its time. */
export interface Expiring {
  /** Kept by the wheel; `undefined` while it is not in one. */
  expirySlot: number | undefined
}

const SLOT_MS = 1000

/** Holds what expires, second by second: adding, moving and taking out cost the same however much is held. */
export class ExpiryWheel<T extends Expiring> {
  readonly #slots = new Map<number, Set<T>>()
  #sweptSlot = Number.NEGATIVE_INFINITY

  /** Sets or moves the time; it comes out within a second after that. */
  schedule(item: T, atMs: number): void {
    const slot = Math.ceil(atMs / SLOT_MS)
    if (item.expirySlot === slot) return
    this.delete(item)
    item.expirySlot = slot
    const items = this.#slots.get(slot)
    if (items === undefined) this.#slots.set(slot, new Set([item]))
    else items.add(item)
  }

  delete(item: T): void {
    if (item.expirySlot === undefined) return
    const items = this.#slots.get(item.expirySlot)
    items?.delete(item)
    if (items?.size === 0) this.#slots.delete(item.expirySlot)
    item.expirySlot = undefined
  }

  /** Takes out what is due. Looks at the slots, some hundreds, once a second and not for each caller. */
  take(nowMs: number): T[] {
    const nowSlot = Math.floor(nowMs / SLOT_MS)
    if (nowSlot <= this.#sweptSlot) return []
    this.#sweptSlot = nowSlot
    const due: T[] = []
    for (const [slot, items] of this.#slots) {
      if (slot > nowSlot) continue
      this.#slots.delete(slot)
      for (const item of items) {
        item.expirySlot = undefined
        due.push(item)
      }
    }
    return due
  }

  /** One of those that expire first. */
  first(): T | undefined {
    let firstSlot = Number.POSITIVE_INFINITY
    for (const slot of this.#slots.keys()) firstSlot = Math.min(firstSlot, slot)
    const [item] = this.#slots.get(firstSlot) ?? []
    return item
  }
}
