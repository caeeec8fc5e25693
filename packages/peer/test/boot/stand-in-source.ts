import { blockSize, type Digest } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { BlockSource, UnstoredBlock } from '../../src/boot/block-source.ts'
import type { LayerFixture } from '../layer-fixture.ts'

/** A block that somebody waits for. */
export interface Demand {
  readonly digest: Digest
  readonly block: number
  readonly signal: AbortSignal
}

/** Has whole layers and writes blocks of them into a store, when it is told to: at once unless `answer` says otherwise. */
export class StandInSource implements BlockSource {
  readonly #store: Pick<LayerStore, 'get'>
  readonly #layers: ReadonlyMap<Digest, LayerFixture>
  /** All that were made, and those that are under way. */
  readonly demands: Demand[] = []
  readonly pending = new Set<Demand>()
  readonly hints: { digest: Digest; firstBlock: number; blocks: number }[] = []
  answer: (demand: Demand) => Promise<readonly UnstoredBlock[]> = (demand) => this.give(demand)

  constructor(store: Pick<LayerStore, 'get'>, layers: readonly LayerFixture[]) {
    this.#store = store
    this.#layers = new Map(layers.map((layer) => [layer.manifest.digest, layer]))
  }

  async demand(digest: Digest, firstBlock: number, blocks: number, { signal }: { signal: AbortSignal }) {
    const unstored: UnstoredBlock[] = []
    for (let block = firstBlock; block < firstBlock + blocks; block += 1) {
      const demand = { digest, block, signal }
      this.demands.push(demand)
      this.pending.add(demand)
      try {
        unstored.push(...(await this.#answered(demand)))
      } finally {
        this.pending.delete(demand)
      }
    }
    return unstored
  }

  hint(digest: Digest, firstBlock: number, blocks: number): void {
    this.hints.push({ digest, firstBlock, blocks })
  }

  /** Writes a block into the store. */
  async give({ digest, block }: Pick<Demand, 'digest' | 'block'>): Promise<readonly UnstoredBlock[]> {
    await this.#store.get(digest)?.writeBlocks(block, this.bytes({ digest, block }))
    return []
  }

  bytes({ digest, block }: Pick<Demand, 'digest' | 'block'>): Buffer {
    const layer = this.#layers.get(digest)
    if (layer === undefined) throw new Error(`there is no layer ${digest}`)
    const start = block * layer.manifest.blockLengthBytes
    return layer.data.subarray(start, start + blockSize(layer.manifest, block))
  }

  #answered(demand: Demand): Promise<readonly UnstoredBlock[]> {
    return new Promise((resolve, reject) => {
      demand.signal.addEventListener('abort', () => reject(demand.signal.reason), { once: true })
      this.answer(demand).then(resolve, reject)
    })
  }
}

/** An answer that comes when it is let through. */
export function held(source: StandInSource): { let: (demand: Demand) => Promise<void>; fail: (error: Error) => void } {
  const waiting = new Map<Demand, PromiseWithResolvers<readonly UnstoredBlock[]>>()
  source.answer = (demand) => {
    const answer = Promise.withResolvers<readonly UnstoredBlock[]>()
    waiting.set(demand, answer)
    return answer.promise
  }
  return {
    let: async (demand) => waiting.get(demand)?.resolve(await source.give(demand)),
    fail: (error) => {
      for (const answer of waiting.values()) answer.reject(error)
      waiting.clear()
    },
  }
}
