import type { Clock, Digest } from '@shoal/core'
import type { Swarm } from '@shoal/swarm'
import type { BlockSource } from './block-source.ts'

/** A layer that is only about to be fetched is looked for this often. */
const LOOK_MS = 20

/** Blocks from the swarm of their layer, which has the seed among its sources; once this node has joined it. */
export function swarmSource({ swarm, clock }: { swarm: Pick<Swarm, 'get'>; clock: Clock }): BlockSource {
  return {
    demand: async (digest: Digest, firstBlock, blocks, { signal }) => {
      let layer = swarm.get(digest)
      while (layer === undefined) {
        await clock.sleep(LOOK_MS, { signal })
        layer = swarm.get(digest)
      }
      return await layer.demand(firstBlock, blocks, { signal })
    },
    hint: (digest, firstBlock, blocks) => swarm.get(digest)?.hint(firstBlock, blocks),
  }
}
