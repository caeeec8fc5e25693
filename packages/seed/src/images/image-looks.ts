import type { Clock } from '@shoal/core'
import type { Catalogue } from './catalogue.ts'
import type { ImageRecord } from './image-record.ts'
import type { LibraryWatcher } from './library-watcher.ts'

export interface ImageLooksDeps {
  readonly catalogue: Pick<Catalogue, 'image'>
  readonly watcher: Pick<LibraryWatcher, 'refresh'>
  readonly clock: Pick<Clock, 'elapsed'>
}

interface Look {
  readonly at: number
  readonly answered: Promise<unknown>
}

/** So long what the library said is good enough for whoever asks next. */
const FRESH_MS = 1000

/**
 * Looks in the library for images that somebody waits for: right after an upload the poll has not seen them yet, or saw them while their
 * data was sent. However many wait for an image, the library is asked for it once a second.
 */
export class ImageLooks {
  readonly #deps: ImageLooksDeps
  /** By image, the oldest first. */
  readonly #latest = new Map<string, Look>()

  constructor(deps: ImageLooksDeps) {
    this.#deps = deps
  }

  /** The record as the library has the image now; `undefined`: there is none. Rejects with the errors of the library. */
  async look(image: string): Promise<ImageRecord | undefined> {
    const { catalogue, watcher, clock } = this.#deps
    const now = clock.elapsed()
    for (const [other, { at }] of this.#latest) {
      if (now - at < FRESH_MS) break
      this.#latest.delete(other)
    }
    const { answered } = this.#latest.get(image) ?? { answered: watcher.refresh(image) }
    if (!this.#latest.has(image)) this.#latest.set(image, { at: now, answered })
    await answered
    return catalogue.image(image)
  }

  /** Looks for those that are not known as active, up to the first that is not there. */
  async lookForMissing(images: readonly string[]): Promise<void> {
    for (const image of images) {
      const known = this.#deps.catalogue.image(image)
      if (isActive(known)) continue
      if ((await this.look(image)) === undefined) return
    }
  }
}

export function isActive(record: ImageRecord | undefined): record is ImageRecord {
  return record !== undefined && record.deletedAt === null && record.image.status === 'active'
}
