import type { Digest } from '@shoal/core'
import type { StateOperation, StateStore } from '@shoal/state'

/** An image that a node boots, and the layers that it was given for that. */
export interface BootWish {
  readonly node: string
  readonly image: string
  /** The base first. */
  readonly layers: readonly Digest[]
}

const PREFIX = 'seed/boot/'

/** What nodes boot: in memory, each change with the operation that makes it durable. */
export class BootWishes {
  readonly #state: StateStore
  readonly #nodes = new Map<string, Map<string, BootWish>>()

  constructor(state: StateStore) {
    this.#state = state
  }

  async open(): Promise<void> {
    for await (const { value } of this.#state.range<BootWish>({ prefix: PREFIX })) this.#set(value)
  }

  get(node: string, image: string): BootWish | undefined {
    return this.#nodes.get(node)?.get(image)
  }

  /** The layers that a node needs for what it boots. */
  layersOf(node: string): ReadonlySet<Digest> {
    return new Set([...(this.#nodes.get(node)?.values() ?? [])].flatMap(({ layers }) => layers))
  }

  put(wish: BootWish): StateOperation {
    this.#set(wish)
    return { type: 'put', key: keyOf(wish), value: wish }
  }

  remove({ node, image }: Pick<BootWish, 'node' | 'image'>): StateOperation {
    const images = this.#nodes.get(node)
    images?.delete(image)
    if (images?.size === 0) this.#nodes.delete(node)
    return { type: 'delete', key: keyOf({ node, image }) }
  }

  /** Forgets all that a node boots. */
  removeNode(node: string): StateOperation[] {
    return [...(this.#nodes.get(node)?.values() ?? [])].map((wish) => this.remove(wish))
  }

  #set(wish: BootWish): void {
    const images = this.#nodes.get(wish.node) ?? new Map<string, BootWish>()
    this.#nodes.set(wish.node, images.set(wish.image, wish))
  }
}

/** Neither a node's name nor an image's id has a slash. */
function keyOf({ node, image }: Pick<BootWish, 'node' | 'image'>): string {
  return `${PREFIX}${node}/${image}`
}
