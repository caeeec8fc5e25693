import type { Node } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { formatAgo } from '../format/duration.ts'
import { formatFacts } from '../format/table.ts'
import { formatLayers } from './layer-table.ts'
import { describeMode } from './set-mode.ts'

export const nodeShow = defineCommand({
  usage: 'node show <node>',
  summary: 'Show one node and every layer it holds or wants.',
  positionals: { node: { type: 'string', demandOption: true, describe: 'Name of a node' } },
  run: async ({ client, output, signal, clock }, args) => {
    const node = await client.showNode({ params: { node: args.node }, signal })
    output.show(node, () => formatNode(node, clock.now()))
    return EXIT.ok
  },
})

function formatNode(node: Node, now: number): string {
  const { inventory } = node
  const facts: [string, string][] = [
    ['node', node.id],
    ['state', node.state],
    ['mode', describeMode(node.mode)],
    ['last seen', `${formatAgo(node.lastSeenAt, now)} (${node.lastSeenAt})`],
    ['reachability', node.reachability],
    ['zone', node.zone],
    ['rack', node.rack],
    ['swarm address', node.swarmAddress],
    ['dht address', node.dhtAddress ?? ''],
    ['api', node.apiUrl ?? ''],
    ['version', node.version],
    ['capacity', formatBytes(node.capacityBytes)],
  ]
  if (inventory === null) return `${formatFacts(facts)}\n\nNo heartbeat yet.`
  facts.push(
    ['disk', `${formatBytes(inventory.diskUsedBytes)} used, ${formatBytes(inventory.diskFreeBytes)} free`],
    ['down', formatRate(inventory.downBytesPerSecond)],
    ['up', formatRate(inventory.upBytesPerSecond)],
    ['load', inventory.load1.toFixed(2)],
  )
  return `${formatFacts(facts)}\n\n${formatLayers(inventory.layers)}`
}
