import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { bootArgument, bootPeerOption } from './peer-option.ts'

export const bootRelease = defineCommand({
  usage: 'boot release <boot>',
  summary: 'End serving a disk; stop its VM first. Its layers may be evicted from then on, its overlay stays.',
  positionals: { boot: bootArgument },
  options: { peer: bootPeerOption },
  examples: [['boot release vm1', 'as root of the node']],
  run: async (context, args) => {
    const { output, signal } = context
    const client = context.peerAt(args.peer)
    const params = { boot: args.boot }
    const { name, overlay } = await client.showBoot({ params, signal })
    await client.releaseBoot({ params, signal })
    const left = overlay === null ? '' : `; its overlay stays: ${overlay}`
    output.show({ name, overlay }, () => `${name}: released${left}`)
    return EXIT.ok
  },
})
