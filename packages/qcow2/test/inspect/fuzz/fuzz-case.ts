import { baseImages } from './base-images.ts'
import { mutateImage } from './mutate-image.ts'
import { Patch } from './patch.ts'
import { Prng } from './prng.ts'

/** A mutated image. */
export interface FuzzCase {
  /** Good until {@link undo} is called; the bytes are shared with the next case of the same image. */
  readonly bytes: Buffer
  readonly format: 'raw' | 'qcow2'
  readonly allowsBackingFile: boolean
  /** Whether guest bytes are to be read as well: that costs more than all else. */
  readonly isRead: boolean
  undo(): void
}

const MAX_MUTATIONS = 4
const images = baseImages()

/** The case of a seed: the same at every time and in every thread. */
export function fuzzCase(seed: number): FuzzCase {
  const random = new Prng(seed)
  const image = random.pick(images)
  const patch = new Patch(image.bytes)
  for (let left = random.below(MAX_MUTATIONS + 1); left > 0; left -= 1) mutateImage(image, random, patch, images)
  const { length } = image.bytes
  const cut = random.pick([512, 4096, image.clusterBytes, length / 2])
  return {
    bytes: random.once(10)
      ? image.bytes.subarray(0, random.once(2) ? random.below(length) : length - (cut % length))
      : image.bytes,
    format: random.once(50) ? 'raw' : 'qcow2',
    allowsBackingFile: random.once(4),
    isRead: random.once(16),
    undo: () => patch.undo(),
  }
}
