import type { Clock } from '@shoal/core'
import type { LayerStore } from '@shoal/layer-store'
import type { BlockSource } from './block-source.ts'

const LOOK_MS = 20

/** Stands in for reads on demand until the swarm has them: waits until blocks have come in their turn. */
export function patientSource({ store, clock }: { store: Pick<LayerStore, 'get'>; clock: Clock }): BlockSource {
  return {
    demand: async (digest, firstBlock, blocks, { signal }) => {
      const isHere = (block: number) => store.get(digest)?.present.has(block) === true
      const wanted = Array.from({ length: blocks }, (_, index) => firstBlock + index)
      while (!wanted.every(isHere)) await clock.sleep(LOOK_MS, { signal })
      return []
    },
    hint: () => {},
  }
}
