import type { Digest } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'

/** The layer that a node downloads an image by; null while the image is being imported. */
export type DownloadedLayer = Digest | null

interface StoredNode {
  readonly node: string
  readonly layer: DownloadedLayer
}

const NODES = 'seed/download-node/'

/** The nodes of plans of downloads as they are kept over restarts, each by itself: they come one by one. */
export class DownloadNodes {
  readonly #state: StateStore

  constructor(state: StateStore) {
    this.#state = state
  }

  async read(plan: string): Promise<Map<string, DownloadedLayer>> {
    const nodes = new Map<string, DownloadedLayer>()
    for await (const { value } of this.#state.range<StoredNode>({ prefix: `${NODES}${plan}/` })) {
      nodes.set(value.node, value.layer)
    }
    return nodes
  }

  put(plan: string, node: string, layer: DownloadedLayer): StateOperation {
    const value: StoredNode = { node, layer }
    return { type: 'put', key: keyOf(plan, node), value }
  }

  /** Operations that forget a plan's. */
  async forget(plan: string): Promise<StateOperation[]> {
    return [...(await this.read(plan)).keys()].map((node) => ({ type: 'delete', key: keyOf(plan, node) }))
  }
}

/** A node's name has no slash. */
function keyOf(plan: string, node: string): string {
  return `${NODES}${plan}/${node}`
}
