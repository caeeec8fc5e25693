import type { EvictionResult } from '@shoal/api'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { parseSize } from '../format/size.ts'
import { layerArgument } from '../layer/argument.ts'
import { resolvePeerLayer } from '../resolve/peer-layer.ts'
import { describeEviction, type EvictionGoal } from './describe-eviction.ts'
import { peerOption } from './peer-option.ts'

const COMMAND = 'shoal cache evict'

export const cacheEvict = defineCommand({
  usage: 'cache evict [layer]',
  summary:
    'Evict a layer from a node, or as many of the least valuable ones as make so much room; exit 6 when less became free.',
  positionals: { layer: { type: 'string', describe: layerArgument.describe } },
  options: {
    peer: peerOption,
    bytes: { type: 'string', requiresArg: true, describe: 'Make so much room: 10GiB, 500MB' },
    'dry-run': { type: 'boolean', default: false, describe: 'Only say what would go, and why the rest would stay' },
  },
  examples: [
    ['cache evict --bytes 20GiB --dry-run --peer http://127.0.0.1:7421', 'what would go for 20 GiB'],
    ['cache evict debian-11 --peer http://127.0.0.1:7421', 'one layer; this ends its assignment to the node'],
  ],
  run: async (context, args) => {
    const { output, signal } = context
    const goal = await goalOf(context, args)
    const body = { ...goal, dryRun: args['dry-run'] }
    const result = await context.peerAt(args.peer).evictLayers({ body, signal })
    output.show(result, () => describeEviction(result, goal))
    return exitOf(result, goal)
  },
})

async function goalOf(
  context: CommandContext,
  { layer, bytes, peer }: { layer?: string | undefined; bytes?: string | undefined; peer: string },
): Promise<EvictionGoal> {
  if (layer !== undefined && bytes === undefined) return { layer: await resolvePeerLayer(context, layer, peer) }
  if (layer === undefined && bytes !== undefined) return { bytes: parseSize(bytes, COMMAND) }
  throw cliError('SHOAL_CLI_USAGE', { reason: 'Say which layer, or how much with --bytes.', command: COMMAND })
}

function exitOf({ evictions, freedBytes }: EvictionResult, goal: EvictionGoal): ExitCode {
  const isReached = 'bytes' in goal ? freedBytes >= goal.bytes : evictions.some(({ layer }) => layer === goal.layer)
  return isReached ? EXIT.ok : EXIT.incomplete
}
