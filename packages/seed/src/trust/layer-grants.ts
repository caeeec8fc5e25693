import type { KeyObject } from 'node:crypto'
import type { Clock } from '@shoal/core'
import { encodeLayerGrant, LAYER_GRANT_MS } from '@shoal/swarm'

/** Signs what nodes show each other to be given a layer. Whether they may have it is not asked here. */
export class LayerGrants {
  readonly #clock: Pick<Clock, 'now'>
  readonly #key: () => KeyObject

  /** `key` is the one that manifests are signed by now. */
  constructor(clock: Pick<Clock, 'now'>, key: () => KeyObject) {
    this.#clock = clock
    this.#key = key
  }

  /** A grant of the layer of an info hash (hexadecimal), from now on. */
  make(node: string, infoHash: string): Buffer {
    return encodeLayerGrant({ node, infoHash }, this.#clock.now() + LAYER_GRANT_MS, this.#key())
  }
}
