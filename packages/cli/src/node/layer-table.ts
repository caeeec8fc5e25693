import type { LayerInventory } from '@shoal/api'
import { formatBytes } from '../format/bytes.ts'
import { type Column, formatTable } from '../format/table.ts'
import { shortDigest } from '../resolve/layer.ts'

const columns: readonly Column<LayerInventory>[] = [
  { title: 'LAYER', value: (layer) => shortDigest(layer.digest) },
  { title: 'STATE', value: describeState },
  {
    title: 'PRESENT',
    align: 'right',
    value: (layer) => `${formatBytes(layer.presentBytes)} of ${formatBytes(layer.sizeBytes)}`,
  },
  { title: 'FROM SEED', align: 'right', value: (layer) => formatBytes(layer.fromOriginBytes) },
  { title: 'FROM PEERS', align: 'right', value: (layer) => formatBytes(layer.fromPeersBytes) },
  { title: 'SENT', align: 'right', value: (layer) => formatBytes(layer.uploadedBytes) },
  { title: 'PEERS', align: 'right', value: (layer) => String(layer.peers) },
  { title: 'ERROR', value: (layer) => (layer.error === null ? '' : `${layer.error.code}: ${layer.error.message}`) },
]

/** What a boot reads may outlive the rest of a layer. */
function describeState({ state, presentBytes }: LayerInventory): string {
  return state === 'evicted' && presentBytes > 0 ? 'evicted, a part stays' : state
}

/** What a node holds, a layer a line. */
export function formatLayers(layers: readonly LayerInventory[]): string {
  return layers.length === 0 ? 'It holds no layers.' : formatTable(layers, columns)
}
