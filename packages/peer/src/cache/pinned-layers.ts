import type { Pins } from '@shoal/cache'
import type { Clock, Digest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { NodePins } from './node-pins.ts'

/** To look at all processes costs milliseconds, and machines run for long. */
const LOOK_MS = 30_000

export interface PinnedLayersDeps {
  /** Those of operators. */
  readonly durable: Pick<Pins, 'of'>
  readonly pins: Pick<NodePins, 'of' | 'users'>
  readonly store: Pick<LayerStore, 'layers'>
  readonly clock: Clock
}

/** What something on this node keeps from being evicted: pins of operators, composed disks, machines. Plans pin beside that. */
export class PinnedLayers {
  readonly #deps: PinnedLayersDeps
  #machines: ReadonlySet<Digest> = new Set()
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(deps: PinnedLayersDeps) {
    this.#deps = deps
  }

  /** As far as processes go, as of the last look. */
  has(digest: Digest): boolean {
    const { durable, pins } = this.#deps
    if (this.#machines.has(digest) || durable.of(digest).length > 0) return true
    return pins.of(digest).some(({ kind }) => kind !== 'plan')
  }

  /** Looks at processes, unless that was done a moment ago. */
  async look(): Promise<void> {
    const { pins, store, clock } = this.#deps
    const now = clock.now()
    if (now >= this.#lookedAt && now - this.#lookedAt < LOOK_MS) return
    this.#lookedAt = now
    const digests = store.layers().map(({ manifest }) => manifest.digest)
    try {
      this.#machines = new Set((await pins.users(digests)).keys())
    } catch {
      // Whoever wants to evict looks for himself, and is told why he cannot.
      this.#machines = new Set()
    }
  }
}
