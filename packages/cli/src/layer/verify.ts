import type { Verification } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { resolveDigest, shortDigest } from '../resolve/layer.ts'
import { resolvePeerLayer } from '../resolve/peer-layer.ts'
import { layerArgument } from './argument.ts'

/** Reading back 16 TiB at 1 GB/s takes 5 hours. */
const VERIFY_TIMEOUT_MS = 6 * 3600 * 1000
const NAMED_AT_MOST = 20

export const layerVerify = defineCommand({
  usage: 'layer verify <layer>',
  summary: 'Read a layer back from the disk of the seed, or of a peer, and check every block.',
  positionals: { layer: layerArgument },
  options: {
    peer: { type: 'string', requiresArg: true, describe: "URL of a peer's own API; the seed when absent" },
  },
  examples: [['layer verify debian-12 --peer http://127.0.0.2:7421', 'check what a node holds']],
  run: async (context, args) => {
    const { output, signal } = context
    const { peer } = args
    const client = peer === undefined ? context.client : context.peerAt(peer)
    const layer = await (peer === undefined
      ? resolveDigest(client, args.layer, { signal })
      : resolvePeerLayer(context, args.layer, peer))
    const result = await client.verifyLayer({ params: { layer }, signal, timeoutMs: VERIFY_TIMEOUT_MS })
    output.show(result, () => describeVerification(result))
    return isSound(result) ? EXIT.ok : EXIT.incomplete
  },
})

/** A verification for people. */
export function describeVerification(result: Verification): string {
  const layer = shortDigest(result.layer)
  const { badBlocks, checkedBlocks, digestMatches } = result
  if (badBlocks.length > 0) {
    const shown = badBlocks.slice(0, NAMED_AT_MOST).join(', ')
    const more = badBlocks.length - NAMED_AT_MOST
    return `${layer}: ${badBlocks.length} of ${checkedBlocks} blocks are bad and count as absent now: ${shown}${more > 0 ? ` and ${more} more` : ''}`
  }
  if (digestMatches === null) return `${layer}: ${checkedBlocks} blocks match; the layer is not complete`
  return digestMatches
    ? `${layer}: all ${checkedBlocks} blocks and the digest match`
    : `${layer}: ${checkedBlocks} blocks match, the digest of the whole does not`
}

function isSound({ badBlocks, digestMatches }: Verification): boolean {
  return badBlocks.length === 0 && digestMatches !== false
}
