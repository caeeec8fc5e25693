import type { Layer } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { type Column, formatTable } from '../format/table.ts'
import { readAll } from '../page-reader.ts'
import { shortDigest } from '../resolve/layer.ts'

const columns: readonly Column<Layer>[] = [
  { title: 'LAYER', value: (layer) => shortDigest(layer.digest) },
  { title: 'KIND', value: (layer) => layer.kind },
  { title: 'FORMAT', value: (layer) => layer.format },
  { title: 'SIZE', align: 'right', value: (layer) => formatBytes(layer.sizeBytes) },
  { title: 'STATE', value: (layer) => layer.state },
  { title: 'ASSIGNED', align: 'right', value: (layer) => String(layer.nodesAssigned) },
  { title: 'COMPLETE', align: 'right', value: (layer) => String(layer.nodesComplete) },
  { title: 'PARTIAL', align: 'right', value: (layer) => String(layer.nodesPartial) },
  { title: 'SEED COPIES', align: 'right', value: (layer) => layer.seedCopies.toFixed(2) },
  { title: 'IMAGES', value: (layer) => layer.images.join(' ') },
]

export const layerList = defineCommand({
  usage: 'layer list',
  summary: 'List the layers, how many nodes hold them and how often the seed had to send them.',
  run: async ({ client, output, signal }) => {
    const layers = await readAll(
      (query) => client.listLayers({ query, signal }),
      (page) => page.layers,
    )
    output.show({ layers, next: null }, () =>
      layers.length === 0 ? 'No image is published yet ("shoal image import").' : formatTable(layers, columns),
    )
    return EXIT.ok
  },
})
