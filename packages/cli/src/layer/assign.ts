import { type AssignResult, DEFAULT_PRIORITY } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { followDistribution } from '../follow/distribution.ts'
import { parseMoment } from '../format/moment.ts'
import { resolveDigest, shortDigest } from '../resolve/layer.ts'
import { layerArgument } from './argument.ts'
import { endDistribution } from './end-distribution.ts'

const COMMAND = 'shoal layer assign'

export const layerAssign = defineCommand({
  usage: 'layer assign <layer>',
  summary:
    'Assign a layer, and the base below it, to nodes, which then fetch it and keep it as long as it is worth the space; assigning again changes priority and pin.',
  positionals: { layer: layerArgument },
  options: {
    node: { type: 'string', array: true, requiresArg: true, describe: 'Name of a node; may be given again' },
    all: { type: 'boolean', conflicts: 'node', describe: 'Every registered node' },
    zone: { type: 'string', requiresArg: true, describe: 'Only nodes of this zone' },
    rack: { type: 'string', requiresArg: true, describe: 'Only nodes of this rack' },
    priority: {
      type: 'number',
      requiresArg: true,
      describe: `Order among the assignments of a node, 0 to 100, higher first (default ${DEFAULT_PRIORITY})`,
    },
    'pin-until': {
      type: 'string',
      requiresArg: true,
      describe: 'Until when no node evicts it, as a time with its zone or from now on: 2026-01-31T18:00Z, 90m, 2h, 7d',
    },
    wait: { type: 'boolean', default: false, describe: 'Wait until the nodes have it; exit 6 when some fail' },
  },
  examples: [
    ['layer assign debian-12 --all --wait', 'to every node, and see how far it is'],
    ['layer assign 3f2a9c1d --node compute-1 --node compute-2', 'to two nodes'],
    ['layer assign debian-12 --all --pin-until 2h', 'have it there when many machines are to start within two hours'],
  ],
  run: async (context, args) => {
    const { client, clock, output, signal } = context
    const { all, zone, rack, priority } = args
    if (!all && args.node === undefined && zone === undefined && rack === undefined) {
      throw cliError('SHOAL_CLI_USAGE', {
        reason: 'Say which nodes: --node, --all, --zone or --rack.',
        command: COMMAND,
      })
    }
    const pin = args['pin-until']
    const pinnedUntil = pin === undefined ? undefined : parseMoment(pin, clock.now(), COMMAND)
    const layer = await resolveDigest(client, args.layer, { signal })
    const body = { layer, nodes: args.node, all: all ? (true as const) : undefined, zone, rack, priority, pinnedUntil }
    const result = await client.assign({ body, signal })
    const print = args.wait ? output.item.bind(output) : output.show.bind(output)
    print(result, () => describe(layer, result, pinnedUntil))
    const isMet = result.unknown.length === 0 && result.assigned.length > 0
    const assigned = isMet && (args.node === undefined || !result.inactive?.length) ? EXIT.ok : EXIT.incomplete
    if (!args.wait || result.assigned.length === 0) return assigned
    const { parent } = await client.showLayer({ params: { layer }, signal })
    // A middle brings its base along.
    for (const part of parent === null ? [layer] : [parent, layer]) {
      const state = await followDistribution(context, {
        layer: part,
        nodes: result.assigned,
        onChange: (distribution) => output.isJson && output.item({ distribution }, () => ''),
      })
      const ended = endDistribution(context, state)
      if (ended !== EXIT.ok) return ended
    }
    return assigned
  },
})

function describe(
  layer: string,
  { assigned, unknown, inactive = [] }: AssignResult,
  pinnedUntil: string | undefined,
): string {
  if (assigned.length + unknown.length + inactive.length === 0) {
    return `${shortDigest(layer)}: assigned to no node, since no registered one is meant ("shoal node list")`
  }
  const pinned = pinnedUntil === undefined ? '' : `, pinned until ${pinnedUntil}`
  const lines = [
    `${shortDigest(layer)}: assigned to ${assigned.length} node${assigned.length === 1 ? '' : 's'}${pinned}`,
  ]
  if (unknown.length > 0) lines.push(`not registered: ${unknown.join(', ')}`)
  if (inactive.length > 0) lines.push(`passed over, not active: ${inactive.join(', ')}`)
  return lines.join('\n')
}
