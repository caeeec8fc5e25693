import { execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { cpus, totalmem } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { undoAfter } from '../harness/undo.ts'
import { runChaos } from './run-chaos.ts'

const FULL_SECONDS = 600
/** `SHOAL_CHAOS_SECONDS` chooses another length, and `SHOAL_CHAOS_SEED` repeats a run. */
const SECONDS = Number(process.env.SHOAL_CHAOS_SECONDS ?? FULL_SECONDS)
const SEED = Number(process.env.SHOAL_CHAOS_SEED ?? randomInt(2 ** 31))
const RESULT = join(import.meta.dirname, '../../bench/results/chaos.json')

test(`twelve nodes survive ${SECONDS} seconds of random faults`, async (t) => {
  const startedAt = new Date().toISOString()
  const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: import.meta.dirname })
    .toString()
    .trim()
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
  const record = {
    bench: 'chaos',
    startedAt,
    commit,
    machine: {
      cpu: cpus()[0]?.model ?? 'unknown',
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 1024 ** 3),
    },
    versions: { node: process.version },
    figures: report,
  }
  await writeFile(RESULT, `${JSON.stringify(record, null, 2)}\n`)
})
