import { type Clock, type Digest, errorCode, type Logger, parseDigest, ShoalError } from '@shoal/core'
import type { LayerStore, StoredLayer } from '@shoal/layer-store'
import { backOffMs } from '../back-off.ts'
import type { Notice } from '../boot/boots-notice.ts'
import type { LayerHolds } from '../layer-holds.ts'
import { isNoAnswer, type SeedLink } from '../seed-link.ts'
import type { ImageFacts } from './image-facts.ts'
import { isSameFile, type KnownFiles } from './known-files.ts'
import type { PassReason } from './pass-reason.ts'

/** Time between two questions whether an image is imported, which a whole fleet may ask. */
const IMPORT_POLL = { firstMs: 250, lastMs: 5000 }
/**
 * A seed that is being restarted is asked again so often, in some 8 s: a fleet that turned to Glance meanwhile would
 * overwhelm it.
 */
const SEED_TRIES = 5
const SEED_RETRY = { firstMs: 500, lastMs: 4000 }
/** Time between two looks at the store when nothing rings. */
const LOOK_MS = 1000

export interface ImageFilesDeps {
  readonly store: Pick<LayerStore, 'get'>
  readonly seed: Pick<SeedLink, 'call' | 'isReachable'>
  readonly known: Pick<KnownFiles, 'layerOf' | 'learn'>
  readonly holds: Pick<LayerHolds, 'hold'>
  readonly isWithdrawn: (digest: Digest) => boolean
  /** Why a layer is not there yet. */
  readonly failureOf: (digest: Digest) => ShoalError | undefined
  /** A layer is downloaded that was here, in part at least. */
  readonly onUse: (layer: StoredLayer) => void
  /** The seed does not know this node. */
  readonly onUnknown: () => void
  /** A layer may have come. */
  readonly notice: Notice
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export interface ImageFilesOptions {
  /** Of this node, as the seed knows it. */
  readonly node: string
  /** So long a download waits until an image is imported and its layer known here. Milliseconds. */
  readonly waitMs: number
}

/** The layer with an image's bytes, which stays until it is released. */
export interface HeldFile {
  readonly layer: StoredLayer
  readonly release: () => void
}

/** Finds the layers whose files are those of images, and has them fetched. */
export class ImageFiles {
  readonly #deps: ImageFilesDeps
  readonly #options: ImageFilesOptions

  constructor(deps: ImageFilesDeps, options: ImageFilesOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** The layer of an image, be it empty yet; or why there is none. Rejects with the signal's reason. */
  async open(
    facts: ImageFacts,
    { signal, token }: { signal: AbortSignal; token?: string | undefined },
  ): Promise<HeldFile | PassReason> {
    const { store, known, isWithdrawn, clock } = this.#deps
    const local = known.layerOf(facts)
    if (local !== undefined && isWithdrawn(local)) return 'withdrawn'
    if (local !== undefined && store.get(local)?.isComplete) return this.#hold(local, facts, signal)
    const late = new AbortController()
    const until = AbortSignal.any([signal, late.signal])
    clock.sleep(this.#options.waitMs, { signal: until }).then(
      () => late.abort(),
      () => {},
    )
    try {
      const layer = await this.#ask(facts, local, { signal: until, token })
      return isPassed(layer) ? layer : await this.#hold(layer, facts, until)
    } catch (error) {
      signal.throwIfAborted()
      if (late.signal.aborted) return 'late'
      throw error
    } finally {
      // The alarm is of no use any more.
      late.abort()
    }
  }

  async #ask(
    facts: ImageFacts,
    local: Digest | undefined,
    { signal, token }: { signal: AbortSignal; token: string | undefined },
  ): Promise<Digest | PassReason> {
    const { seed, known, store, random, notice, clock } = this.#deps
    const tries = seed.isReachable ? SEED_TRIES : 1
    for (let [failures, polls] = [0, 0]; ; ) {
      try {
        const params = { node: this.#options.node, image: facts.id }
        const headers = token === undefined ? {} : { 'x-shoal-tenant-token': token }
        const file = await seed.call((client) => client.wantFile({ params, headers, signal }))
        if (file.state === 'importing') {
          polls += 1
          failures = 0
          await notice.wait(backOffMs(polls, random, IMPORT_POLL), { signal })
          continue
        }
        if (file.layer === null) return 'no-layer'
        if (!isSameFile(file, facts)) return 'other-bytes'
        const layer = parseDigest(file.layer)
        await known.learn({ ...file, layer })
        return layer
      } catch (error) {
        signal.throwIfAborted()
        if (!isNoAnswer(error)) return this.#refused(facts, error)
        if (local !== undefined && store.get(local) !== undefined) return local
        failures += 1
        if (failures >= tries) return 'seed-away'
        await clock.sleep(backOffMs(failures, random, SEED_RETRY), { signal })
      }
    }
  }

  #refused({ id: image }: ImageFacts, error: unknown): PassReason {
    if (!(error instanceof ShoalError)) throw error
    const { code, message } = error
    if (code === 'SHOAL_NODE_UNKNOWN') this.#deps.onUnknown()
    this.#deps.logger.info({ image, code, reason: message }, 'the seed gives no layer for a download; Glance gives it')
    return 'refused'
  }

  /** Holds a layer, then waits until the store has what describes it. */
  async #hold(layer: Digest, facts: ImageFacts, signal: AbortSignal): Promise<HeldFile | PassReason> {
    const { holds, store, notice, isWithdrawn, failureOf, onUse } = this.#deps
    const release = holds.hold([layer], `download of image ${facts.id}`)
    if (release === undefined) return 'layer-failed'
    const here = store.get(layer)
    if (here !== undefined) onUse(here)
    const look = (): StoredLayer | PassReason | undefined => {
      if (isWithdrawn(layer)) return 'withdrawn'
      const failure = failureOf(layer)
      return store.get(layer) ?? (failure === undefined || isNoAnswer(failure) ? undefined : 'layer-failed')
    }
    try {
      const found = await notice.until(look, { everyMs: LOOK_MS, signal })
      if (!isPassed(found)) return { layer: found, release }
      release()
      return found
    } catch (error) {
      release()
      const code = errorCode(error)
      if (code === undefined || signal.aborted) throw error
      return 'layer-failed'
    }
  }
}

/** Whether it is a reason, in place of a layer. */
export function isPassed<T extends object | Digest>(found: T | PassReason): found is PassReason {
  return typeof found === 'string' && !found.startsWith('sha256:')
}
