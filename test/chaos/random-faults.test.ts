import { randomInt } from 'node:crypto'
import { test } from 'node:test'
import { undoAfter } from '../harness/undo.ts'
import { currentCommit, keepResult } from './keep-result.ts'
import { runChaos } from './run-chaos.ts'

const FULL_SECONDS = 600
/** `SHOAL_CHAOS_SECONDS` chooses another length, and `SHOAL_CHAOS_SEED` repeats a run. */
const SECONDS = Number(process.env.SHOAL_CHAOS_SECONDS ?? FULL_SECONDS)
const SEED = Number(process.env.SHOAL_CHAOS_SEED ?? randomInt(2 ** 31))

test(`twelve nodes survive ${SECONDS} seconds of random faults`, async (t) => {
  const startedAt = new Date().toISOString()
  const commit = currentCommit()
  const report = await runChaos(undoAfter(t), {
    ...{
      seed: SEED,
      racks: 3,
      nodesPerRack: 4,
      seconds: SECONDS,
      faultEveryMs: 2500,
      imageEveryMs: 15_000,
      machine: true,
    },
    say: (line) => console.error(line),
  })
  // What is shorter says less, and is not kept.
  if (SECONDS < FULL_SECONDS) return
  await keepResult(report, { startedAt, commit })
})
