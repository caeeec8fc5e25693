import { isDigest } from '@shoal/core'
import type { CommandContext } from '../context.ts'
import { matchDigest, resolveDigest } from './layer.ts'

/**
 * The digest of a layer that a peer is to be asked about. The peer knows its own layers, so that a prefix works while
 * the seed is away; names are the seed's. Throws as {@link resolveDigest}.
 */
export async function resolvePeerLayer(context: CommandContext, text: string, peer: string): Promise<string> {
  const { signal } = context
  if (!isDigest(text)) {
    const { layers } = await context.peerAt(peer).localStatus({ signal })
    const found = matchDigest(
      text,
      layers.map(({ digest }) => digest),
    )
    if (found !== undefined) return found
  }
  return resolveDigest(context.client, text, { signal })
}
