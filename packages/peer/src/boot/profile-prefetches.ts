import type { DesiredAssignment } from '@shoal/api'
import { type BootBlocks, type Digest, errorCode, type Logger, parseDigest } from '@shoal/core'
import { backOffMs } from '../back-off.ts'
import { isNoAnswer } from '../seed-link.ts'
import { ForetoldBlocks } from './foretold-blocks.ts'
import { type ProfilePrefetchDeps, prefetchProfile } from './profile-prefetch.ts'
import { YoungBoot } from './young-boot.ts'

export interface ProfilePrefetchesDeps extends ProfilePrefetchDeps {
  /** The profile of an image, its signature checked; `undefined` when there is none. */
  readonly fetch: (image: string, options: { signal: AbortSignal }) => Promise<BootBlocks | undefined>
  /** {@link ProfilePrefetches.youngLayers} are others. */
  readonly onYoung: () => void
  readonly random: () => number
  readonly logger: Logger
}

export interface ProfilePrefetchesOptions {
  /** The longest time for which the rest of a layer waits for a boot. 0: it does not wait. */
  readonly restWaitsMs: number
}

type Assigned = Pick<DesiredAssignment, 'layer' | 'priority' | 'wave' | 'limitBytesPerSecond' | 'bootProfile'>

interface Run {
  readonly abort: AbortController
  readonly ended: Promise<void>
}

interface BootRun extends Run {
  readonly layers: readonly Digest[]
  users: number
  foretold: ForetoldBlocks | undefined
  young: YoungBoot | undefined
}

/** Layers that are assigned and prefetched by profile side by side. */
const MAX_ASSIGNED = 4
const TRIES = 4
const WAIT = { firstMs: 500, lastMs: 10_000 }

/**
 * What is prefetched by boot profiles on this node: once for all machines that boot an image, for as long as there is
 * one, and for layers that are assigned, the most urgent first. A profile that cannot be had is done without.
 */
export class ProfilePrefetches implements AsyncDisposable {
  readonly #deps: ProfilePrefetchesDeps
  readonly #options: ProfilePrefetchesOptions
  /** By image, and layers. */
  readonly #boots = new Map<string, BootRun>()
  /** By layer and revision, as {@link keyOf} names them; what has ended stays until it is assigned no more. */
  readonly #assigned = new Map<string, Run & { isOver: boolean }>()
  #wanted: readonly Assigned[] = []
  #isClosed = false

  constructor(deps: ProfilePrefetchesDeps, options: ProfilePrefetchesOptions) {
    this.#deps = deps
    this.#options = options
  }

  /** Layers from which machines boot by a profile now: what that does not name can wait until they have. */
  get youngLayers(): ReadonlySet<Digest> {
    return new Set([...this.#boots.values()].flatMap(({ young, layers }) => (young === undefined ? [] : layers)))
  }

  /** A machine is about to boot an image from these layers; until the function that is given is called. */
  hold(image: string, layers: readonly Digest[]): () => void {
    if (this.#isClosed) return () => {}
    const key = bootKeyOf(image, layers)
    const run = this.#boots.get(key) ?? this.#startBoot(image, layers)
    run.users += 1
    this.#boots.set(key, run)
    let isHolding = true
    return () => {
      if (!isHolding) return
      isHolding = false
      run.users -= 1
      if (run.users > 0) return
      run.abort.abort()
      this.#boots.delete(key)
      if (run.young !== undefined) this.#deps.onYoung()
    }
  }

  /** The function that is to be called when a machine reads that boots an image from these layers. */
  reads(image: string, layers: readonly Digest[]): () => void {
    const key = bootKeyOf(image, layers)
    return () => this.#boots.get(key)?.young?.onRead()
  }

  /**
   * Whether the profile by which an image is booted from these layers names the block that a byte of a layer's file is
   * in; `undefined`: there is none, or it is not of this layer.
   */
  foretells(image: string, layers: readonly Digest[], layer: Digest, offset: number): boolean | undefined {
    return this.#boots.get(bootKeyOf(image, layers))?.foretold?.has(layer, offset)
  }

  /** Takes what is assigned now. What is paused is not prefetched. */
  setAssigned(assignments: readonly Assigned[]): void {
    const wanted = assignments.filter(({ bootProfile, limitBytesPerSecond }) => {
      return bootProfile !== undefined && limitBytesPerSecond !== 0
    })
    this.#wanted = wanted.sort((a, b) => b.priority - a.priority || (a.wave ?? 0) - (b.wave ?? 0))
    const keys = new Set(this.#wanted.map(keyOf))
    for (const [key, { abort }] of this.#assigned) {
      if (keys.has(key)) continue
      abort.abort()
      this.#assigned.delete(key)
    }
    this.#startAssigned()
  }

  /** Ends all of it; idempotent. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true
    const runs = [...this.#boots.values(), ...this.#assigned.values()]
    for (const { abort } of runs) abort.abort()
    await Promise.all(runs.map(({ ended }) => ended))
  }

  #startAssigned(): void {
    if (this.#isClosed) return
    const { store } = this.#deps
    const open = this.#wanted.filter((assigned) => {
      const isOver = this.#assigned.get(keyOf(assigned))?.isOver === true
      return !isOver && store.get(parseDigest(assigned.layer))?.isComplete !== true
    })
    const [leading] = open
    // A hint goes before all that is merely assigned: what is less urgent must not get ahead by having a profile.
    const equals = open.filter(({ priority, wave = 0 }) => {
      return priority === leading?.priority && wave === (leading.wave ?? 0)
    })
    for (const assigned of equals.slice(0, MAX_ASSIGNED)) {
      const key = keyOf(assigned)
      if (this.#assigned.has(key) || assigned.bootProfile === undefined) continue
      const run = { ...this.#start(assigned.bootProfile.image, [parseDigest(assigned.layer)]), isOver: false }
      this.#assigned.set(key, run)
      void run.ended.then(() => {
        run.isOver = true
        if (this.#assigned.get(key) === run) this.#startAssigned()
      })
    }
  }

  #startBoot(image: string, layers: readonly Digest[]): BootRun {
    const onFetched = (bootBlocks: BootBlocks) => {
      run.foretold = new ForetoldBlocks(bootBlocks)
      void this.#beYoung(run)
    }
    const started = this.#start(image, layers, onFetched)
    const run: BootRun = { ...started, layers, users: 0, foretold: undefined, young: undefined }
    return run
  }

  /** Never rejects. */
  async #beYoung(run: BootRun): Promise<void> {
    const { clock, onYoung } = this.#deps
    const { restWaitsMs: maxMs } = this.#options
    if (maxMs === 0) return
    run.young = new YoungBoot(clock, { maxMs })
    onYoung()
    const { signal } = run.abort
    await run.young.over({ signal }).catch(() => {})
    run.young = undefined
    if (!signal.aborted) onYoung()
  }

  #start(image: string, layers: readonly Digest[], onFetched?: (bootBlocks: BootBlocks) => void): Run {
    const abort = new AbortController()
    return { abort, ended: this.#run(image, layers, { signal: abort.signal, onFetched }) }
  }

  /** Never rejects. */
  async #run(
    image: string,
    layers: readonly Digest[],
    { signal, onFetched }: { signal: AbortSignal; onFetched: ((bootBlocks: BootBlocks) => void) | undefined },
  ): Promise<void> {
    const { store, logger } = this.#deps
    try {
      if (layers.every((digest) => store.get(digest)?.isComplete)) return
      const bootBlocks = await this.#fetch(image, signal)
      if (bootBlocks === undefined) return
      onFetched?.(bootBlocks)
      await prefetchProfile(bootBlocks, this.#deps, { signal, layers: new Set(layers) })
      logger.debug({ image, revision: bootBlocks.revision }, 'what a boot reads is here')
    } catch (error) {
      if (signal.aborted) return
      logger.warn({ image, code: errorCode(error), error }, 'nothing is prefetched by the boot profile')
    }
  }

  async #fetch(image: string, signal: AbortSignal): Promise<BootBlocks | undefined> {
    const { fetch, clock, random } = this.#deps
    for (let tries = 1; ; tries += 1) {
      try {
        return await fetch(image, { signal })
      } catch (error) {
        if (signal.aborted || !isNoAnswer(error) || tries === TRIES) throw error
        await clock.sleep(backOffMs(tries, random, WAIT), { signal })
      }
    }
  }
}

function bootKeyOf(image: string, layers: readonly Digest[]): string {
  return [image, ...layers].join(' ')
}

function keyOf({ layer, bootProfile }: Assigned): string {
  return `${layer} ${bootProfile?.image} ${bootProfile?.revision}`
}
