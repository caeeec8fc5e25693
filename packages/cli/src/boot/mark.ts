import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describeSpans } from './describe-boot.ts'
import { bootArgument, bootPeerOption } from './peer-option.ts'

export const bootMark = defineCommand({
  usage: 'boot mark <boot>',
  summary: 'Tell that the machine on a disk has booted now, as a marker on its console or its service shows.',
  positionals: { boot: bootArgument },
  options: { peer: bootPeerOption },
  examples: [['boot mark vm1', 'when the service of the VM answers']],
  run: async (context, args) => {
    const { output, signal } = context
    const boot = await context.peerAt(args.peer).markBooted({ params: { boot: args.boot }, signal })
    output.show(boot, () => `${boot.name}: ${describeSpans(boot)}`)
    return EXIT.ok
  },
})
