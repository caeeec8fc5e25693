import { errorCode } from '@shoal/core'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { layerArgument } from '../layer/argument.ts'
import { shortDigest } from '../resolve/layer.ts'
import { resolvePeerLayer } from '../resolve/peer-layer.ts'
import { peerOption } from './peer-option.ts'

export const cacheUnpin = defineCommand({
  usage: 'cache unpin <layer>',
  summary: "Take an operator's pin of a layer back; others that hold it go on doing so.",
  positionals: { layer: layerArgument },
  options: {
    peer: peerOption,
    owner: { type: 'string', requiresArg: true, describe: 'Whose pin (default operator)' },
  },
  examples: [['cache unpin debian-12 --peer http://127.0.0.1:7421 --owner "release 7"', 'that one only']],
  run: async (context, args) => {
    const { output, signal } = context
    const { peer, owner } = args
    const layer = await resolvePeerLayer(context, args.layer, peer)
    let unpinned = true
    try {
      await context.peerAt(peer).unpinLayer({ params: { layer }, query: { owner }, signal })
    } catch (error) {
      // What is gone need not go: a script may say it twice.
      if (errorCode(error) !== 'SHOAL_CACHE_PIN_UNKNOWN') throw error
      unpinned = false
    }
    output.show({ layer, unpinned }, () =>
      unpinned
        ? `${shortDigest(layer)}: unpinned`
        : `${shortDigest(layer)}: has no pin of ${owner ?? 'operator'} ("shoal cache list" shows who holds it)`,
    )
    return EXIT.ok
  },
})
