import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describeMode, modePositionals, reasonOption, setMode } from './set-mode.ts'

export const nodeQuarantine = defineCommand({
  usage: 'node quarantine <node>',
  summary:
    'As node drain, and nobody takes blocks from it: for a node that may do harm. Machines there go on reading through it.',
  positionals: modePositionals,
  options: { reason: reasonOption },
  examples: [['node quarantine compute-7 --reason "bad memory?"', 'when others ban it for bad blocks']],
  run: async (context, args) => {
    const set = await setMode(context, { node: args.node, mode: 'quarantined', reason: args.reason })
    context.output.show(set, () => `${args.node}: ${describeMode(set)}`)
    return EXIT.ok
  },
})
