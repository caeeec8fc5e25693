import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { parseMoment } from '../format/moment.ts'
import { layerArgument } from '../layer/argument.ts'
import { shortDigest } from '../resolve/layer.ts'
import { resolvePeerLayer } from '../resolve/peer-layer.ts'
import { peerOption } from './peer-option.ts'

export const cachePin = defineCommand({
  usage: 'cache pin <layer>',
  summary: 'Protect a layer of a node from eviction, whether it is there yet or not; pinning again changes until when.',
  positionals: { layer: layerArgument },
  options: {
    peer: peerOption,
    owner: { type: 'string', requiresArg: true, describe: 'Who holds it, and why (default operator); each has a pin' },
    until: {
      type: 'string',
      requiresArg: true,
      describe: 'Until when: 2026-01-31T18:00:00Z, or 90m, 2h, 7d from now; until it is unpinned when absent',
    },
  },
  examples: [
    ['cache pin debian-12 --peer http://127.0.0.1:7421', 'until it is unpinned'],
    ['cache pin debian-12 --peer http://127.0.0.1:7421 --owner "release 7" --until 2h', 'for two hours'],
  ],
  run: async (context, args) => {
    const { clock, output, signal } = context
    const { peer, owner, until } = args
    const expiresAt = until === undefined ? undefined : parseMoment(until, clock.now(), 'shoal cache pin')
    const layer = await resolvePeerLayer(context, args.layer, peer)
    const pin = await context.peerAt(peer).pinLayer({ params: { layer }, body: { owner, expiresAt }, signal })
    output.show(pin, () => {
      const end = pin.expiresAt === null ? 'until it is unpinned' : `until ${pin.expiresAt}`
      return `${shortDigest(layer)}: held by ${pin.owner} ${end}`
    })
    return EXIT.ok
  },
})
