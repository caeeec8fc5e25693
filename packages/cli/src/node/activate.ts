import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describeMode, modePositionals, reasonOption, setMode } from './set-mode.ts'

export const nodeActivate = defineCommand({
  usage: 'node activate <node>',
  summary: 'Let a node take part again that was drained or in quarantine; what was assigned to it goes on.',
  positionals: modePositionals,
  options: { reason: reasonOption },
  run: async (context, args) => {
    const set = await setMode(context, { node: args.node, mode: 'active', reason: args.reason })
    context.output.show(set, () => `${args.node}: ${describeMode(set)}`)
    return EXIT.ok
  },
})
