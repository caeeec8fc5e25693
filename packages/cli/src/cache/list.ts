import type { CacheLayer } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { formatAgo } from '../format/duration.ts'
import { type Column, formatTable } from '../format/table.ts'
import { shortDigest } from '../resolve/layer.ts'
import { describeHolders } from './describe-holders.ts'
import { evictionOrder } from './eviction-order.ts'
import { peerOption } from './peer-option.ts'

export const cacheList = defineCommand({
  usage: 'cache list',
  summary: 'List the layers in the cache of a node, in the order in which they would go, and who holds them.',
  options: { peer: peerOption },
  examples: [['cache list --peer http://127.0.0.1:7421', 'as root of the node']],
  run: async (context, args) => {
    const { clock, output, signal } = context
    const cache = await context.peerAt(args.peer).listCache({ signal })
    output.show(cache, () => formatLayers(cache.layers, clock.now()))
    return EXIT.ok
  },
})

function formatLayers(layers: readonly CacheLayer[], now: number): string {
  if (layers.length === 0) return 'It holds no layers.'
  return `${formatTable(layers, columnsOf(layers, now))}\n\n${LEGEND}`
}

const LEGEND =
  'VALUE: the order in which they would go, 1 first; - stays. COPIES: nodes of the rack, of the zone, elsewhere.'

function columnsOf(layers: readonly CacheLayer[], now: number): readonly Column<CacheLayer>[] {
  const order = evictionOrder(layers)
  return [
    { title: 'LAYER', value: ({ layer }) => shortDigest(layer) },
    {
      title: 'SIZE',
      align: 'right',
      value: ({ presentBytes, sizeBytes }) => `${formatBytes(presentBytes)} of ${formatBytes(sizeBytes)}`,
    },
    { title: 'ON DISK', align: 'right', value: ({ allocatedBytes }) => formatBytes(allocatedBytes) },
    { title: 'VALUE', align: 'right', value: ({ layer }) => String(order.get(layer) ?? '') },
    { title: 'LAST USED', value: ({ lastUsedAt }) => (lastUsedAt === null ? '' : formatAgo(lastUsedAt, now)) },
    { title: 'USES', align: 'right', value: ({ uses }) => String(uses) },
    {
      title: 'COPIES',
      align: 'right',
      value: ({ replicas: { rack, zone, elsewhere } }) => `${rack}/${zone}/${elsewhere}`,
    },
    { title: 'HELD BY', value: (layer) => describeHolders(layer, layers, { order, now }) },
  ]
}
