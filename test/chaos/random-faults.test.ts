import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { undoAfter } from '../harness/undo.ts'
import { runChaos } from './run-chaos.ts'

/** `SHOAL_CHAOS_SECONDS` chooses another length, and `SHOAL_CHAOS_SEED` repeats a run. */
const SECONDS = Number(process.env.SHOAL_CHAOS_SECONDS ?? 600)
const SEED = Number(process.env.SHOAL_CHAOS_SEED ?? randomInt(2 ** 31))

test(`twelve nodes survive ${SECONDS} seconds of random faults`, async (t) => {
  await runChaos(undoAfter(t), {
    ...{
      seed: SEED,
      racks: 3,
      nodesPerRack: 4,
      seconds: SECONDS,
      faultEveryMs: 2500,
      imageEveryMs: 20_000,
      machine: true,
    },
    say: (line) => console.error(line),
  })
})
