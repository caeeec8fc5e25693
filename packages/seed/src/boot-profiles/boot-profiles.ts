import type { KeyObject } from 'node:crypto'
import type { BootProfileStatus, BootRecording } from '@shoal/api'
import { type Clock, type Digest, encodeBootBlocks, errorCode, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { Catalogue } from '../images/catalogue.ts'
import type { BootTracerDeps } from './boot-tracer.ts'
import { imageLayers } from './image-layers.ts'
import { Invitations } from './invitations.ts'
import { type LayerProfile, LayerProfiles } from './layer-profiles.ts'
import { ProfileBook } from './profile-book.ts'
import { ProfileMaker } from './profile-maker.ts'
import { hasLayers, type ProfileRecord, profileBytes, toBootBlocks } from './profile-record.ts'
import { acceptRecording } from './recording-check.ts'
import { WorkQueue } from './work-queue.ts'

export interface BootProfilesDeps extends BootTracerDeps {
  readonly state: Pick<StateStore, 'get' | 'batch' | 'range'>
  readonly catalogue: Pick<Catalogue, 'image' | 'layer' | 'imagesOf'>
  readonly clock: Clock
  readonly logger: Logger
}

export interface BootProfilesOptions {
  /** The key that signs now. */
  readonly privateKey: () => KeyObject
  /** How many boots of an image are recorded; 0: none. */
  readonly recordings: number
}

/** A profile that nobody looks after gets old: one boot a day shows whether it is still right. */
const RECHECK_MS = 24 * 60 * 60 * 1000
/** A profile that names less of what a boot reads is looked into. */
const MIN_FORETOLD = 0.7
/** What was recorded since then may be what that boot had not had. */
const HEARD_MS = 10 * 60 * 1000
const MAX_WAITING = 16

/**
 * How images boot: takes recordings from nodes and makes of them what is fetched first. An image without recordings
 * of its own, or with new layers, has the profile of its base until it gets one: most of what a boot reads is there.
 */
export class BootProfiles {
  readonly #deps: BootProfilesDeps
  readonly #privateKey: () => KeyObject
  readonly #recordings: number
  readonly #book: ProfileBook
  readonly #maker: ProfileMaker
  readonly #invitations: Invitations
  readonly #layers: LayerProfiles
  readonly #queue = new WorkQueue(MAX_WAITING)
  readonly #makingAnew = new Set<string>()
  /** Images whose profile is said to be of little use, with the time of its last recording: one more is wanted. */
  readonly #doubted = new Map<string, string>()
  readonly #encoded = new WeakMap<ProfileRecord, { readonly key: KeyObject; readonly bytes: Uint8Array }>()

  constructor(deps: BootProfilesDeps, { privateKey, recordings }: BootProfilesOptions) {
    this.#deps = deps
    this.#privateKey = privateKey
    this.#recordings = recordings
    this.#book = new ProfileBook(deps.state)
    this.#maker = new ProfileMaker({ ...deps, book: this.#book }, { recordings })
    this.#invitations = new Invitations(deps.clock)
    this.#layers = new LayerProfiles({ ...deps, profileOf: (image) => this.#profileOf(image) })
  }

  /** Reads what is durable. To be called once, when the catalogue is open. */
  async open(): Promise<void> {
    await this.#book.open()
    await this.#maker.forgetGone()
  }

  /** Ends the work under way; what it was about is recorded another time. */
  async stop(): Promise<void> {
    await this.#queue.stop()
  }

  /** Whether boots of an image are to be recorded. */
  wantsRecordings(image: string): boolean {
    return this.#wanted(image) > 0
  }

  /** Whether this node is to record its next boot of an image: some of those that ask are, when very many do. */
  invites(image: string, node: string): boolean {
    return this.#invitations.invite(image, node, this.#wanted(image))
  }

  /** A node tells which part of what a boot of an image read its profile had named. */
  hear(image: string, foretold: number): void {
    const record = this.#book.get(image)
    if (record === undefined || foretold >= MIN_FORETOLD || !this.#isOlder(record, HEARD_MS)) return
    this.#doubted.set(image, record.recordedAt)
  }

  /** Of the profile that nodes get for an image; 0: there is none. */
  revision(image: string): number {
    return this.#profileOf(image)?.revision ?? 0
  }

  /** The signed profile that nodes get for an image (docs/formats/boot-blocks.md). */
  blocks(image: string): Uint8Array | undefined {
    const record = this.#profileOf(image)
    if (record === undefined) return undefined
    const key = this.#privateKey()
    const known = this.#encoded.get(record)
    if (known?.key === key) return known.bytes
    const bytes = encodeBootBlocks(toBootBlocks(record), key)
    this.#encoded.set(record, { key, bytes })
    return bytes
  }

  /** The image by whose profile a layer is best fetched, with the revision of that; `undefined`: there is none. */
  ofLayer(layer: Digest): LayerProfile | undefined {
    return this.#layers.of(layer)
  }

  /** Throws `SHOAL_IMAGE_UNKNOWN`. */
  status(image: string): BootProfileStatus {
    if (this.#deps.catalogue.image(image) === undefined) throw seedError('SHOAL_IMAGE_UNKNOWN', { image })
    const record = this.#profileOf(image)
    return {
      image,
      revision: record?.revision ?? 0,
      recordings: record?.recordings ?? 0,
      wantsRecordings: this.wantsRecordings(image),
      bytes: record === undefined ? 0 : profileBytes(record),
      stability: record?.stability ?? 1,
      updatedAt: record?.updatedAt ?? null,
    }
  }

  /**
   * Takes what a node recorded; one that is not wanted any more changes nothing. Throws `SHOAL_BOOT_PROFILE_*` for
   * one that is not valid, not of this image, or more than can be worked on now, `SHOAL_IMAGE_*` unless the image is
   * active, and what the layers are refused with.
   */
  async record(node: string, { image, profile }: BootRecording): Promise<BootProfileStatus> {
    const touches = await acceptRecording({ image, profile }, this.#deps.catalogue)
    this.#invitations.end(image, node)
    if (touches.length > 0 && this.wantsRecordings(image)) {
      await this.#queue.request(async (signal) => {
        // Others may have come first.
        if (this.wantsRecordings(image)) await this.#maker.add({ image, node, touches }, signal)
        this.#layers.forget()
      })
    }
    return this.status(image)
  }

  #wanted(image: string): number {
    const { catalogue } = this.#deps
    if (this.#recordings === 0 || imageLayers(catalogue.image(image), catalogue) === undefined) return 0
    const record = this.#book.get(image)
    if (record === undefined) return this.#recordings
    const isDoubted = this.#doubted.get(image) === record.recordedAt
    if (!isDoubted) this.#doubted.delete(image)
    return Math.max(record.wanted, isDoubted || this.#isOlder(record, RECHECK_MS) ? 1 : 0)
  }

  /** Whether the last recording was so long ago, or is as far in the future since the clock was set back. */
  #isOlder({ recordedAt }: ProfileRecord, ms: number): boolean {
    const ageMs = this.#deps.clock.now() - Date.parse(recordedAt)
    return ageMs >= ms || ageMs < -ms
  }

  #profileOf(image: string): ProfileRecord | undefined {
    const { catalogue } = this.#deps
    const layers = imageLayers(catalogue.image(image), catalogue)
    if (layers === undefined) return undefined
    const own = this.#book.get(image)
    if (own !== undefined && hasLayers(own, layers)) return own
    if (own !== undefined) this.#makeAnew(image)
    const [base] = layers
    const below = base && this.#book.get(base.digest)
    return below !== undefined && base !== undefined && hasLayers(below, [base]) ? below : undefined
  }

  /** An image got other layers: what was recorded of it is found in them, once, when somebody asks. */
  #makeAnew(image: string): void {
    if (this.#makingAnew.has(image) || !this.#maker.mayMakeAnew(image)) return
    this.#makingAnew.add(image)
    this.#queue
      .add((signal) => this.#maker.makeAnew(image, signal))
      .catch((error: unknown) => {
        this.#deps.logger.warn({ image, code: errorCode(error), err: error }, 'no boot profile is made for new layers')
      })
      .finally(() => {
        this.#makingAnew.delete(image)
        this.#layers.forget()
      })
  }
}
