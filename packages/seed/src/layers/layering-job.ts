import type { Actor, Layering, LayeringRequest, LayeringState } from '@shoal/api'
import type { Clock, Digest } from '@shoal/core'
import { toErrorBody } from '../images/image-record.ts'

export type LayeringEnd = Extract<LayeringState, 'published' | 'kept-flat' | 'failed' | 'cancelled'>

/** How the layers of an image were made, durable; what is not over is begun again after a restart. */
export type LayeringRecord = Layering & { readonly request: LayeringRequest }

/** The making of one image's layers from request to end, as it is shown while it lasts. */
export class LayeringJob {
  readonly image: string
  readonly request: LayeringRequest
  readonly controller = new AbortController()
  readonly #clock: Clock
  readonly #minimumSaving: number
  readonly #flatBytes: number
  readonly #totalBytes: number
  readonly #settled = Promise.withResolvers<void>()
  #state: LayeringState = 'queued'
  #startedAt: string | null = null
  doneBytes = 0
  /** Who cancelled it, if not the seed itself. */
  endedBy: Actor | undefined
  base: Digest | null = null
  estimatedSharing: number | null = null
  layerBytes: number | null = null
  freeBytes = 0
  hotBytes = 0
  /** At the beginning of the layer's file, what a boot reads; 0 when that is not known. */
  bootBytes = 0

  constructor(
    clock: Clock,
    start: {
      image: string
      request: LayeringRequest
      minimumSaving: number
      flatBytes: number
      totalBytes: number
    },
  ) {
    this.#clock = clock
    this.image = start.image
    this.request = start.request
    this.#minimumSaving = start.request.minimumSaving ?? start.minimumSaving
    this.#flatBytes = start.flatBytes
    this.#totalBytes = start.totalBytes
  }

  /** Resolves when it has ended, however it did. */
  get done(): Promise<void> {
    return this.#settled.promise
  }

  /** Whether a layer of this size is worth having; a base laid out anew was asked for. */
  isWorth(layerBytes: number): boolean {
    return this.request.base === 'none' || layerBytes <= this.#flatBytes * (1 - this.#minimumSaving)
  }

  enter(state: 'comparing' | 'writing' | 'verifying'): void {
    this.#startedAt ??= this.#now()
    this.#state = state
    this.doneBytes = 0
  }

  finish(): void {
    this.#settled.resolve()
  }

  view(): Layering {
    return this.#layering(this.#state, null)
  }

  record(end?: LayeringEnd, error?: unknown): LayeringRecord {
    if (end === undefined) return { ...this.view(), request: this.request }
    // What was asked for is of use until it is done; a profile is large.
    const { bootProfile: _, ...request } = this.request
    return { ...this.#layering(end, this.#now(), error), request }
  }

  #layering(state: LayeringState, finishedAt: string | null, error?: unknown): Layering {
    return {
      state,
      base: this.base,
      estimatedSharing: this.estimatedSharing,
      minimumSaving: this.#minimumSaving,
      flatBytes: this.#flatBytes,
      layerBytes: this.layerBytes,
      hotBytes: this.hotBytes,
      freeBytes: this.freeBytes,
      doneBytes: state === 'published' ? this.#totalBytes : this.doneBytes,
      totalBytes: this.#totalBytes,
      startedAt: this.#startedAt,
      finishedAt,
      error: error === undefined ? null : toErrorBody(error),
    }
  }

  #now(): string {
    return new Date(this.#clock.now()).toISOString()
  }
}
