import type { LayerBootProfile } from '@shoal/api'
import { Bitfield, type BootBlocks, type Clock, type Digest, errorCode, type Logger } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import { ownBlocks } from '../boot/own-blocks.ts'
import type { FleetFacts } from './fleet-facts.ts'

/** Somebody waits for the room: the seed has so long to answer, and is not asked again for a while when it does not. */
const ANSWER_MS = 3000
const SILENT_MS = 30_000

type Layer = Pick<StoredLayer, 'manifest' | 'present' | 'isComplete'>

export interface BootPartsDeps {
  readonly facts: Pick<FleetFacts, 'bootBytes' | 'bootProfile'>
  /** The profile of an image, its signature checked; `undefined` when there is none. */
  readonly fetchProfile: (image: string, options: { signal: AbortSignal }) => Promise<BootBlocks | undefined>
  readonly clock: Clock
  readonly logger: Logger
}

interface Named extends LayerBootProfile {
  /** `undefined`: it names none of the layer. */
  readonly blocks: Bitfield | undefined
}

/**
 * Which blocks of a layer a boot reads, and so stay when the rest goes: those at the beginning of its file, or those that
 * a boot profile names, which is fetched when the layer is to go, or when only a part of it is left already.
 */
export class BootParts {
  readonly #deps: BootPartsDeps
  readonly #named = new Map<Digest, Named>()
  readonly #asking = new Map<Digest, Promise<Bitfield | undefined>>()
  #failedAt = Number.NEGATIVE_INFINITY

  constructor(deps: BootPartsDeps) {
    this.#deps = deps
  }

  /** As far as that is known without asking the seed. */
  atHand({ manifest: { digest, blockLengthBytes }, present }: Layer): Bitfield | undefined {
    const bootBytes = this.#deps.facts.bootBytes(digest)
    if (bootBytes === 0) return undefined
    if (this.#deps.facts.bootProfile(digest) !== undefined) return this.#known(digest)?.blocks
    const blocks = new Bitfield(present.length)
    const count = Math.min(Math.ceil(bootBytes / blockLengthBytes), present.length)
    for (let block = 0; block < count; block += 1) blocks.set(block)
    return blocks
  }

  /** `undefined` when it cannot be told, for one because the seed does not answer. Never rejects. */
  async find(layer: Layer): Promise<Bitfield | undefined> {
    const { digest } = layer.manifest
    const profile = this.#deps.facts.bootProfile(digest)
    if (profile === undefined || this.#known(digest) !== undefined) return this.atHand(layer)
    const asking = this.#asking.get(digest) ?? this.#ask(layer, profile).finally(() => this.#asking.delete(digest))
    this.#asking.set(digest, asking)
    return await asking
  }

  /** The seed has told what it knows: of layers that are here in part it is asked which part a boot reads. */
  async look(layers: readonly Layer[]): Promise<void> {
    const here = new Set(layers.map(({ manifest }) => manifest.digest))
    for (const digest of this.#named.keys()) if (!here.has(digest)) this.#named.delete(digest)
    for (const layer of layers) if (!layer.isComplete) await this.find(layer)
  }

  /** What the profile names that the seed goes by, or a later one of that image. */
  #known(digest: Digest): Named | undefined {
    const [named, wanted] = [this.#named.get(digest), this.#deps.facts.bootProfile(digest)]
    return wanted !== undefined && named?.image === wanted.image && named.revision >= wanted.revision
      ? named
      : undefined
  }

  async #ask({ manifest, present }: Layer, { image, revision }: LayerBootProfile): Promise<Bitfield | undefined> {
    const { fetchProfile, clock, logger } = this.#deps
    const { digest } = manifest
    const silentMs = clock.elapsed() - this.#failedAt
    if (silentMs >= 0 && silentMs < SILENT_MS) return undefined
    try {
      const profile = await fetchProfile(image, { signal: AbortSignal.timeout(ANSWER_MS) })
      const blocks = new Bitfield(present.length)
      const described = profile?.layers.find((layer) => layer.digest === digest)
      for (const run of profile?.runs ?? []) {
        if (run.digest !== digest || described === undefined) continue
        const { first, end } = ownBlocks(run, described.blockLengthBytes, manifest)
        for (let block = first; block < end; block += 1) blocks.set(block)
      }
      const named = { image, revision: Math.max(revision, profile?.revision ?? 0) }
      this.#named.set(digest, { ...named, blocks: blocks.isEmpty ? undefined : blocks })
    } catch (error) {
      this.#failedAt = clock.elapsed()
      logger.info({ layer: digest, image, code: errorCode(error), error }, 'which part a boot reads is not known')
    }
    return this.#known(digest)?.blocks
  }
}
