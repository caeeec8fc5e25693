import type { Clock, Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { LayerStore } from './layer-store.ts'

export interface LayerStoreDeps {
  readonly state: StateStore
  readonly logger: Logger
  readonly clock: Clock
}

export interface LayerStoreOptions {
  /** Created if missing; the store's own. */
  readonly directory: string
  /** A layer is flushed in the background when so many bytes are not durable; default 16 MiB. */
  readonly durableBytes?: number
  /** ... and when the oldest of them is so old; default 500 ms. */
  readonly durableMs?: number
}

/** A layer store on a local file system; what is present is recorded in `state`, which is of one process alone. */
export function createLayerStore(_deps: LayerStoreDeps, _options: LayerStoreOptions): LayerStore {
  throw new Error('coming within the hour')
}
