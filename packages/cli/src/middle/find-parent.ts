import type { Image, Layer } from '@shoal/api'
import { errorCode, isDigest } from '@shoal/core'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { resolveImage } from '../resolve/image.ts'
import { resolveLayer, shortDigest } from '../resolve/layer.ts'

/** The base that a middle is to lie on. */
export interface Parent {
  readonly parent: Layer
  /** Id of an image of it, for people. */
  readonly parentImage: string | undefined
}

/**
 * The base of a digest or of an image's id or name: of an image that is distributed as base and middle, the layer of its own bytes, for
 * these are what an overlay is made on. Throws `SHOAL_CLI_PARENT_UNFIT` and what naming layers and images throws.
 */
export async function findParent({ client, signal }: CommandContext, text: string): Promise<Parent> {
  const image = isDigest(text) ? undefined : await findImage({ client, signal }, text)
  const own = image?.layer ?? null
  const parent =
    own === null
      ? await resolveLayer(client, text, { signal })
      : await client.showLayer({ params: { layer: own }, signal })
  const unfit = (reason: string) => cliError('SHOAL_CLI_PARENT_UNFIT', { layer: shortDigest(parent.digest), reason })
  if (parent.kind !== 'base') throw unfit('it is a middle itself')
  if (parent.state !== 'published') throw unfit(`it is ${parent.state}`)
  return { parent, parentImage: image?.id ?? parent.images[0] }
}

async function findImage(
  { client, signal }: Pick<CommandContext, 'client' | 'signal'>,
  text: string,
): Promise<Image | undefined> {
  try {
    return await resolveImage(client, text, { signal })
  } catch (error) {
    if (errorCode(error) === 'SHOAL_CLI_IMAGE_UNKNOWN') return undefined
    throw error
  }
}
