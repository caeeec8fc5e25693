import type { NodeLimits, ToldLimits } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatTable } from '../format/table.ts'
import { LIMIT_NAMES } from './limit-names.ts'
import { formatLimits, formatOptional } from './limit-table.ts'
import { formatLimit } from './rate.ts'

export const limitsShow = defineCommand({
  usage: 'limits show',
  summary:
    'Show the limits on transfers: what holds, what was set or is scheduled in place of the configuration, and that.',
  options: {
    node: { type: 'string', requiresArg: true, describe: 'What holds on this node, by its own last report' },
  },
  run: async ({ client, output, clock, signal }, args) => {
    const limits = await client.showLimits({ signal })
    if (args.node === undefined) output.show(limits, () => formatLimits(limits, clock.now()))
    else {
      const { id, inventory } = await client.showNode({ params: { node: args.node }, signal })
      const shown = { node: id, fleet: limits.effective.node, effective: inventory?.limits ?? null }
      output.show(shown, () => formatOfNode(shown))
    }
    return EXIT.ok
  },
})

/** A node may keep less than it is told, by its own configuration, and is told only when it is there. */
function formatOfNode({ fleet, effective }: { fleet: NodeLimits; effective: ToldLimits | null }): string {
  const rows = LIMIT_NAMES.flatMap(({ name, field }) => (field.of === 'node' ? [{ name, key: field.key }] : []))
  const table = formatTable(rows, [
    { title: 'LIMIT', value: ({ name }) => name },
    { title: 'ON NODE', align: 'right', value: ({ key }) => formatOptional(effective?.[key]) },
    { title: 'FOR ALL', align: 'right', value: ({ key }) => formatLimit(fleet[key]) },
  ])
  return effective === null ? `${table}\n\nThe node has not reported its limits yet.` : table
}
