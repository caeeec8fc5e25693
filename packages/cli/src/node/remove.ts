import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'

export const nodeRemove = defineCommand({
  usage: 'node remove <node>',
  summary: 'Forget a node and its assignments; a peer that still runs there registers again.',
  positionals: { node: { type: 'string', demandOption: true, describe: 'Name of a node' } },
  run: async ({ client, output, signal }, args) => {
    await client.removeNode({ params: { node: args.node }, signal })
    output.show({ removed: args.node }, () => `${args.node}: removed`)
    return EXIT.ok
  },
})
