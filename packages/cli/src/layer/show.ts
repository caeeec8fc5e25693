import type { Layer } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { formatFacts } from '../format/table.ts'
import { resolveLayer } from '../resolve/layer.ts'
import { layerArgument } from './argument.ts'

export const layerShow = defineCommand({
  usage: 'layer show <layer>',
  summary: 'Show one layer.',
  positionals: { layer: layerArgument },
  examples: [['layer show debian-12', 'the layer of an image']],
  run: async ({ client, output, signal }, args) => {
    const layer = await resolveLayer(client, args.layer, { signal })
    output.show(layer, () => formatLayer(layer))
    return EXIT.ok
  },
})

function formatLayer(layer: Layer): string {
  const size = (bytes: number) => `${formatBytes(bytes)} (${bytes} bytes)`
  return formatFacts([
    ['digest', layer.digest],
    ['parent', layer.parent ?? ''],
    ['kind', layer.kind],
    ['format', layer.format],
    ['state', layer.state],
    ['size', size(layer.sizeBytes)],
    ['virtual size', size(layer.virtualSizeBytes)],
    ['block length', formatBytes(layer.blockLengthBytes)],
    ['piece length', formatBytes(layer.pieceLengthBytes)],
    ['info hash', layer.infoHash],
    ['images', layer.images.join(', ')],
    ['created', layer.createdAt],
    ['sent by the seed', `${formatBytes(layer.uploadedBytes)}, ${layer.seedCopies.toFixed(2)} copies`],
    [
      'nodes',
      `${layer.nodesAssigned} assigned, ${layer.nodesComplete} complete, ${layer.nodesPartial} hold a part of it`,
    ],
  ])
}
