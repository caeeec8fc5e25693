import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describeBoot } from './describe-boot.ts'
import { bootArgument, bootPeerOption } from './peer-option.ts'

export const bootShow = defineCommand({
  usage: 'boot show <boot>',
  summary: 'Show a disk that a node serves to a VM: what was read, what it waited for, and how to open it.',
  positionals: { boot: bootArgument },
  options: { peer: bootPeerOption },
  examples: [['boot show vm1', 'as root of the node']],
  run: async (context, args) => {
    const { output, signal } = context
    const boot = await context.peerAt(args.peer).showBoot({ params: { boot: args.boot }, signal })
    output.show(boot, () => describeBoot(boot))
    return EXIT.ok
  },
})
