import { type Heartbeat, type Inventory, inventoryText, type LayerInventory, MAX_NODE_LAYERS } from '@shoal/api'
import { SetDigest } from '@shoal/core'

/** What is known of the layers of a node. */
export interface KnownInventory {
  readonly inventory: Inventory | null
  /** Of its layers; undefined when it was not told. */
  readonly digest: string | undefined
  /** Of the last report that was taken in. */
  readonly sequence: number
}

/** What is known after a report. */
export interface MergedInventory extends KnownInventory {
  readonly inventory: Inventory
  /** What is other than before; undefined: anything may be. */
  readonly changes: { readonly layers: readonly LayerInventory[]; readonly gone: readonly string[] } | undefined
}

/**
 * What is known of a node after its report. Undefined when the report does not fit what is known, because one before it
 * was lost, or was overtaken: then nothing of it may be believed, and the node has to tell all.
 */
export function mergeReport(
  known: KnownInventory,
  { inventory, report }: Pick<Heartbeat, 'inventory' | 'report'>,
): MergedInventory | undefined {
  if (report === undefined) return { inventory, digest: undefined, sequence: known.sequence, changes: undefined }
  const { sequence, digest, gone } = report
  if (sequence <= known.sequence) return undefined
  if (gone === undefined) return { inventory, digest, sequence, changes: undefined }
  if (known.inventory === null) return undefined
  const changes = { layers: inventory.layers, gone }
  const before = known.inventory.layers
  if (inventory.layers.length + gone.length === 0) {
    if ((known.digest ?? digestOf(before)) !== digest) return undefined
    return { inventory: { ...inventory, layers: before }, digest, sequence, changes }
  }
  const layers = new Map(before.map((layer) => [layer.digest, layer]))
  const after = new SetDigest(known.digest ?? digestOf(before))
  const take = (layer: string) => {
    const held = layers.get(layer)
    if (held !== undefined) after.toggle(inventoryText(held))
  }
  for (const layer of gone) {
    take(layer)
    layers.delete(layer)
  }
  for (const layer of inventory.layers) {
    take(layer.digest)
    layers.set(layer.digest, layer)
    after.toggle(inventoryText(layer))
  }
  if (after.hex !== digest || layers.size > MAX_NODE_LAYERS) return undefined
  return { inventory: { ...inventory, layers: [...layers.values()] }, digest, sequence, changes }
}

function digestOf(layers: readonly LayerInventory[]): string {
  const digest = new SetDigest()
  for (const layer of layers) digest.toggle(inventoryText(layer))
  return digest.hex
}
