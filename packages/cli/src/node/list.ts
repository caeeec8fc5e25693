import type { Node } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { formatAgo } from '../format/duration.ts'
import { type Column, formatTable } from '../format/table.ts'
import { readAll } from '../page-reader.ts'

const columns = (now: number): readonly Column<Node>[] => [
  { title: 'NODE', value: (node) => node.id },
  { title: 'STATE', value: describeState },
  { title: 'ZONE', value: (node) => node.zone },
  { title: 'RACK', value: (node) => node.rack },
  { title: 'ADDRESS', value: (node) => node.swarmAddress },
  { title: 'LAYERS', align: 'right', value: describeLayers },
  { title: 'USED', align: 'right', value: ({ inventory }) => (inventory ? formatBytes(inventory.diskUsedBytes) : '') },
  { title: 'FREE', align: 'right', value: ({ inventory }) => (inventory ? formatBytes(inventory.diskFreeBytes) : '') },
  {
    title: 'DOWN',
    align: 'right',
    value: ({ inventory }) => (inventory ? formatRate(inventory.downBytesPerSecond) : ''),
  },
  { title: 'UP', align: 'right', value: ({ inventory }) => (inventory ? formatRate(inventory.upBytesPerSecond) : '') },
  { title: 'SEEN', value: (node) => formatAgo(node.lastSeenAt, now) },
]

export const nodeList = defineCommand({
  usage: 'node list',
  summary: 'List the nodes and what they hold.',
  run: async ({ client, output, signal, clock }) => {
    const nodes = await readAll(
      (query) => client.listNodes({ query, signal }),
      (page) => page.nodes,
    )
    output.show({ nodes, next: null }, () =>
      nodes.length === 0 ? 'No node is registered ("shoal peer serve").' : formatTable(nodes, columns(clock.now())),
    )
    return EXIT.ok
  },
})

function describeState({ state, mode: { mode, isDrained } }: Node): string {
  return mode === 'active' ? state : `${state}, ${mode}${isDrained ? ', drained' : ''}`
}

/** Layers complete of layers held or wanted, which those are not any more that were evicted. */
function describeLayers({ inventory }: Node): string {
  if (inventory === null) return ''
  const layers = inventory.layers.filter(({ state }) => state !== 'evicted')
  return `${layers.filter(({ state }) => state === 'complete').length}/${layers.length}`
}
