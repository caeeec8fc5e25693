import type { StoredLayer } from '@shoal/layer-store'

/** How a peer of a bench behaves that pretends to have everything: all it sends is wrong, or it never answers. */
export type Manner = 'corrupt' | 'silent'

const WRONG_BYTE = 0xee

/** A layer of which every block is said to be there and none is given as it should be. */
export function manneredLayer(layer: StoredLayer, manner: Manner): StoredLayer {
  layer.present.setAll()
  const never = new Promise<never>(() => {})
  const wrongBlock = async () => {
    const buffer = await layer.buffers.acquireWhenFree()
    buffer.bytes.fill(WRONG_BYTE)
    return buffer
  }
  const instead: Record<string, unknown> =
    manner === 'silent'
      ? { read: () => never, readBlock: () => never }
      : { read: async (_offset: number, length: number) => Buffer.alloc(length, WRONG_BYTE), readBlock: wrongBlock }
  return new Proxy(layer, {
    get(target, name) {
      if (typeof name === 'string' && name in instead) return instead[name]
      const value = Reflect.get(target, name)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}
