import type { BootGround } from './boot-ground.ts'
import { readLinkBytes } from './link-bytes.ts'

/** What was taken from the library, as it is seen there and not by those who took it. */
export interface LibraryTake {
  /** All that its link carried: polls and requests count. */
  readonly linkBytes: number
  /** How often the bytes of the two images were asked for; `null`: this library keeps no log. */
  readonly imageReads: number | null
}

/** Since the lab was made, or since then. */
export async function libraryTake(ground: BootGround, since?: LibraryTake): Promise<LibraryTake> {
  const { library, images } = ground
  const counts = await Promise.all([images.base, images.flat].map(async (image) => library.reads?.(image)))
  const known = counts.filter((count) => count !== undefined)
  const reads = known.reduce((sum, count) => sum + count, 0)
  const { library: linkBytes } = await readLinkBytes(ground)
  return {
    linkBytes: linkBytes - (since?.linkBytes ?? 0),
    imageReads: known.length < counts.length ? null : reads - (since?.imageReads ?? 0),
  }
}
