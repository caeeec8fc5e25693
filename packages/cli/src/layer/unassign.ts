import { defineCommand } from '../command.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { resolveDigest, shortDigest } from '../resolve/layer.ts'
import { layerArgument } from './argument.ts'

export const layerUnassign = defineCommand({
  usage: 'layer unassign <layer>',
  summary: 'Take a layer back from nodes: they fetch no more of it; what is complete they keep and serve to others.',
  positionals: { layer: layerArgument },
  options: {
    node: { type: 'string', array: true, requiresArg: true, describe: 'Name of a node; may be given again' },
    all: { type: 'boolean', conflicts: 'node', describe: 'Every node it is assigned to' },
  },
  examples: [['layer unassign debian-12 --node compute-1', 'take it back from one node']],
  run: async ({ client, output, signal }, args) => {
    if (!args.all && args.node === undefined) {
      throw cliError('SHOAL_CLI_USAGE', {
        reason: 'Say which nodes: --node or --all.',
        command: 'shoal layer unassign',
      })
    }
    const layer = await resolveDigest(client, args.layer, { signal })
    const result = await client.unassign({ body: { layer, nodes: args.node }, signal })
    output.show(result, () => {
      const { removed } = result
      return `${shortDigest(layer)}: taken back from ${removed} node${removed === 1 ? '' : 's'}`
    })
    return EXIT.ok
  },
})
