import { type Clock, type Digest, isDigest, type Logger } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import { blockKeys, type Trace } from './block-trace.ts'
import { type BootTracerDeps, traceBoots } from './boot-tracer.ts'
import type { Touches } from './first-touches.ts'
import { imageLayers } from './image-layers.ts'
import { jaccard } from './likeness.ts'
import type { ProfileBook } from './profile-book.ts'
import {
  hasLayers,
  type KeptRecording,
  makeRecord,
  type ProfileLayer,
  type ProfileRecord,
  stableKeys,
} from './profile-record.ts'

export interface ProfileMakerDeps extends BootTracerDeps {
  readonly book: ProfileBook
  readonly catalogue: Pick<Catalogue, 'image' | 'layer'>
  readonly clock: Clock
  readonly logger: Logger
}

/** A boot that is less like the profile shows that the image is used in another way. */
const MIN_LIKENESS = 0.8
/**
 * With each recording the older ones count less: of five, one that is unlike the others is not yet half of them, two
 * are.
 */
const DECAY = 0.7
/** Of a base: so many recordings, and so many of one image, so that one that boots often does not speak for all. */
const MAX_BASE_RECORDINGS = 8
const MAX_BASE_RECORDINGS_AN_IMAGE = 2

/** Makes profiles of recordings. One thing at a time: its caller sees to that. */
export class ProfileMaker {
  readonly #deps: ProfileMakerDeps
  readonly #limit: number
  /** Layers in which nothing could be found of an image, not to be tried again and again. */
  readonly #failed = new Map<string, string>()

  constructor(deps: ProfileMakerDeps, { recordings }: { recordings: number }) {
    this.#deps = deps
    this.#limit = recordings
  }

  /** Takes a recording into the profile of its image, in place of the oldest, and into that of the image's base. */
  async add({ image, node, touches }: { image: string; node: string; touches: Touches }, signal: AbortSignal) {
    const { book } = this.#deps
    const layers = this.#layers(image)
    const known = book.get(image)
    if (known !== undefined && !hasLayers(known, layers)) await this.makeAnew(image, signal)
    const [trace = []] = await traceBoots(this.#deps, { image, layers, boots: [touches] }, signal)
    const before = book.get(image)
    const recording: KeptRecording = { image, node, at: this.#now(), touches, trace }
    const others = before !== undefined && hasLayers(before, layers) ? await book.recordings(image) : []
    const recordings = [...others, recording].slice(-this.#limit)
    await this.#publish(image, layers, recordings, this.#wantedAfter(trace, before))
  }

  /** Whether making a profile of an image for the layers that it has now did not fail before. */
  mayMakeAnew(image: string): boolean {
    const layers = imageLayers(this.#deps.catalogue.image(image), this.#deps.catalogue)
    return layers !== undefined && this.#failed.get(image) !== nameOf(layers)
  }

  /** Finds what was recorded of an image in the layers that it has now. */
  async makeAnew(image: string, signal: AbortSignal): Promise<void> {
    const { book, logger } = this.#deps
    const layers = this.#layers(image)
    const before = book.get(image)
    if (before === undefined || hasLayers(before, layers)) return
    try {
      const kept = await book.recordings(image)
      const traces = await traceBoots(this.#deps, { image, layers, boots: kept.map(({ touches }) => touches) }, signal)
      const recordings = kept.map((recording, index) => ({ ...recording, trace: traces[index] ?? [] }))
      await this.#publish(image, layers, recordings, before.wanted)
      logger.info({ image }, 'the boot profile was made for the new layers of its image')
    } catch (error) {
      if (!signal.aborted) this.#failed.set(image, nameOf(layers))
      throw error
    }
  }

  /** Forgets profiles of images and bases that are gone. */
  async forgetGone(): Promise<void> {
    const { book, catalogue } = this.#deps
    const gone = book.subjects().filter((subject) => {
      if (isDigest(subject)) return catalogue.layer(subject) === undefined
      const image = catalogue.image(subject)
      return image === undefined || image.deletedAt !== null
    })
    for (const subject of gone) this.#failed.delete(subject)
    await book.remove(gone)
  }

  async #publish(
    image: string,
    layers: readonly ProfileLayer[],
    recordings: readonly KeptRecording[],
    wanted: number,
  ): Promise<void> {
    const { book, logger } = this.#deps
    const [base] = layers
    const revision = book.nextRevision()
    const about = { subject: image, layers, wanted, revision, before: book.get(image), decay: DECAY }
    const record = await makeRecord(recordings, about, this.#now())
    const below = base === undefined ? [] : [await this.#ofBase(base, recordings)]
    // It may have gone, or got other layers, while they were read.
    if (nameOf(this.#layers(image)) !== nameOf(layers)) throw seedError('SHOAL_BOOT_PROFILE_NO_LAYERS', { image })
    await book.put([{ record, recordings }, ...below])
    const { stability } = record
    logger.info({ image, revision: record.revision, recordings: recordings.length, stability }, 'boot profile made')
    await this.forgetGone()
  }

  /** The profile of a base with the newest recordings of an image in it. */
  async #ofBase(base: ProfileLayer, recordings: readonly KeptRecording[]) {
    const { book } = this.#deps
    const before = book.get(base.digest)
    const known = before !== undefined && hasLayers(before, [base]) ? await book.recordings(base.digest) : []
    const news = recordings.slice(-MAX_BASE_RECORDINGS_AN_IMAGE).map((recording) => {
      return { ...recording, touches: [], trace: recording.trace.filter(([layer]) => layer === 0) }
    })
    const others = known.filter(({ image }) => image !== news[0]?.image)
    const kept = [...others, ...news].slice(-MAX_BASE_RECORDINGS)
    // They are of several images, and none of these is worth more for having booted last.
    const about = { subject: base.digest, layers: [base], wanted: 0, revision: book.nextRevision(), before, decay: 1 }
    return { record: await makeRecord(kept, about, this.#now()), recordings: kept }
  }

  #wantedAfter(trace: Trace, before: ProfileRecord | undefined): number {
    if (before === undefined) return this.#limit - 1
    const likeness = jaccard(stableKeys(before), new Set(blockKeys(trace)))
    return likeness < MIN_LIKENESS ? this.#limit - 1 : Math.max(0, before.wanted - 1)
  }

  #layers(image: string): readonly ProfileLayer[] {
    const { catalogue } = this.#deps
    const layers = imageLayers(catalogue.image(image), catalogue)
    if (layers === undefined) throw seedError('SHOAL_BOOT_PROFILE_NO_LAYERS', { image })
    return layers
  }

  #now(): string {
    return new Date(this.#deps.clock.now()).toISOString()
  }
}

function nameOf(layers: readonly { digest: Digest; blockLengthBytes: number }[]): string {
  return layers.map(({ digest, blockLengthBytes }) => `${digest}/${blockLengthBytes}`).join(' ')
}
