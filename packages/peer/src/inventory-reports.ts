import {
  type HeartbeatAnswer,
  type Inventory,
  type InventoryReport,
  inventoryText,
  type LayerInventory,
} from '@shoal/api'
import { SetDigest } from '@shoal/core'

export interface InventoryMessage {
  readonly inventory: Inventory
  /** None for a seed that has not shown that it knows reports. */
  readonly report?: InventoryReport
}

interface Told {
  /** By layer, what was told of it. */
  readonly texts: ReadonlyMap<string, string>
  readonly digest: string
}

/** Changes of more than this share of the layers are told as all of them. */
const MOST_CHANGED = 0.5

/**
 * Tells the seed what changed of the layers here since it last said what it knows, with a digest of all of them. Answers
 * may be lost: what an unanswered report has touched is told again, so that it does not matter whether the seed took it
 * in. When the seed knows something else than it was told, it is told all.
 */
export class InventoryReports {
  #known: Told | undefined
  #sent: Told | undefined
  #isWhole = true
  /** An earlier version of the seed refuses what it does not know, so that the first heartbeat is as it always was. */
  #isUnderstood = false
  #sequence: number
  /** Touched by reports of which nobody knows whether they arrived. */
  readonly #uncertain = new Set<string>()

  /** `sequence` is larger than what an earlier run of this daemon got to, if the clock went forward. */
  constructor({ sequence }: { sequence: number }) {
    this.#sequence = sequence
  }

  /** What to send now; to be followed by {@link answered} when an answer comes. */
  next(inventory: Inventory): InventoryMessage {
    if (!this.#isUnderstood) return { inventory }
    this.#sequence += 1
    const texts = new Map(inventory.layers.map((layer) => [layer.digest, inventoryText(layer)]))
    const { digest, changed, gone } = this.#compare(texts)
    this.#sent = { texts, digest }
    const report = { sequence: this.#sequence, digest }
    const touched = [...changed, ...gone]
    this.#isWhole = this.#known === undefined || touched.length > MOST_CHANGED * texts.size
    for (const layer of touched) this.#uncertain.add(layer)
    if (this.#isWhole) return { inventory, report }
    const layers = inventory.layers.filter((layer: LayerInventory) => changed.has(layer.digest))
    return { inventory: { ...inventory, layers }, report: { ...report, gone } }
  }

  /** Takes in what the seed knows now; whether it is enough to go on at the usual time. */
  answered({ reported }: HeartbeatAnswer): boolean {
    const isSame = this.#sent !== undefined && reported?.digest === this.#sent.digest
    this.#sequence = Math.max(this.#sequence, reported?.sequence ?? 0)
    this.#isUnderstood = reported !== undefined
    this.#known = isSame ? this.#sent : undefined
    this.#uncertain.clear()
    // If all was told already, telling it again at once would not help.
    return isSame || this.#isWhole
  }

  /** Begins anew: the seed did not know this node, or could not read what it was sent. */
  forget(): void {
    this.#isUnderstood = false
    this.#isWhole = true
    this.#known = undefined
    this.#sent = undefined
    this.#uncertain.clear()
  }

  #compare(texts: ReadonlyMap<string, string>): { digest: string; changed: ReadonlySet<string>; gone: string[] } {
    const before = this.#known?.texts ?? new Map<string, string>()
    const digest = new SetDigest(this.#known?.digest)
    const changed = new Set<string>()
    const gone: string[] = []
    for (const [layer, text] of texts) {
      const known = before.get(layer)
      if (known !== text) {
        if (known !== undefined) digest.toggle(known)
        digest.toggle(text)
        changed.add(layer)
      } else if (this.#uncertain.has(layer)) changed.add(layer)
    }
    for (const [layer, known] of before) {
      if (texts.has(layer)) continue
      digest.toggle(known)
      gone.push(layer)
    }
    for (const layer of this.#uncertain) if (!texts.has(layer) && !before.has(layer)) gone.push(layer)
    return { digest: digest.hex, changed, gone }
  }
}
