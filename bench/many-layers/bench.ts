import { rmSync } from 'node:fs'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import { atExit } from '../engines/at-exit.ts'
import type { BenchReport } from '../run.ts'
import { createManyLayers, createSparseLayer, type ManyLayer } from './many-layers.ts'
import { type ManyOptions, type ManyRun, measureMany } from './measure-many.ts'

const MIB = 1024 ** 2
const GIB = 1024 ** 3
/** Memory: a disk that falls behind would look like starving. */
const PARENT = '/dev/shm'
const LAYERS = 50
const PEERS = 4
const LIMIT_BYTES_PER_SECOND = 20e6

type Step = ManyOptions & {
  /** Which of the layers below. */
  readonly of: 'equal' | 'mixed' | 'large'
  readonly rounds: number
}

interface Size {
  readonly equalMiB: number
  /** Evenly spread between these. */
  readonly mixedMiB: readonly [number, number]
  readonly largeGiB: readonly number[]
  readonly steps: readonly Step[]
}

const common = { peers: PEERS, isWhole: true, rounds: 1 }
const FULL: Size = {
  ...{ equalMiB: 32, mixedMiB: [16, 64], largeGiB: [16, 16, 16, 4, 4, 4] },
  steps: [
    { ...common, name: 'equal', of: 'equal', rounds: 5, seconds: 120 },
    { ...common, name: 'mixed', of: 'mixed', rounds: 3, seconds: 120 },
    {
      ...common,
      name: 'limited',
      of: 'equal',
      downBytesPerSecond: LIMIT_BYTES_PER_SECOND,
      seconds: 45,
      isWhole: false,
    },
    { ...common, name: 'large', of: 'large', peers: 1, seconds: 8, isWhole: false },
  ],
}
const QUICK: Size = {
  ...{ equalMiB: 8, mixedMiB: [4, 4], largeGiB: [16, 4] },
  steps: [
    { ...common, name: 'equal', of: 'equal', seconds: 30 },
    {
      ...common,
      name: 'limited',
      of: 'equal',
      downBytesPerSecond: LIMIT_BYTES_PER_SECOND,
      seconds: 12,
      isWhole: false,
    },
    { ...common, name: 'large', of: 'large', peers: 1, seconds: 3, isWhole: false },
  ],
}

type ManyRow = ManyRun | { readonly name: string; readonly reason: string }

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const size = quick ? QUICK : FULL
  const directory = await mkdtemp(join(PARENT, 'shoal-many-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  const rows: ManyRow[] = []
  try {
    await checkRoom(size)
    for (const of of new Set(size.steps.map((step) => step.of))) {
      const parent = await mkdtemp(join(directory, `${of}-`))
      const layers = await createLayers(parent, of, size)
      for (const step of size.steps.filter((candidate) => candidate.of === of)) {
        for (let round = 0; round < step.rounds; round += 1) rows.push(await measure(parent, layers, step, say))
      }
      await rm(parent, { recursive: true, force: true })
    }
  } finally {
    await rm(directory, { recursive: true, force: true })
    forget()
  }
  return { figures: figures(rows), rows }
}

async function createLayers(directory: string, of: Step['of'], size: Size): Promise<ManyLayer[]> {
  if (of === 'large') {
    const layers = size.largeGiB.map((gib, number) => createSparseLayer(directory, gib * GIB - number * MIB))
    return Promise.all(layers)
  }
  const [least, most] = of === 'equal' ? [size.equalMiB, size.equalMiB] : size.mixedMiB
  const sizes = Array.from({ length: LAYERS }, (_, number) => {
    return Math.round(least + ((most - least) * number) / (LAYERS - 1)) * MIB
  })
  return createManyLayers(directory, sizes)
}

async function measure(
  directory: string,
  layers: readonly ManyLayer[],
  step: Step,
  say: (line: string) => void,
): Promise<ManyRow> {
  try {
    const run = await measureMany(directory, layers, step)
    const { p50Ms, p99Ms, maxMs, runShare, waitShare } = run.loop
    say(
      `${run.name}: ${run.mbPerSecond} MB/s over ${run.connections} connections, ${run.seconds} s, ` +
        `slowest over mean ${run.slowestOverMean} and ${run.slowestOverMeanAtHalf}, ` +
        `event loop ${p50Ms} / ${p99Ms} / ${maxMs} ms (ran ${runShare}, waited ${waitShare}), ` +
        `${run.peakRssMiB} MiB here, ${run.sourcePeakRssMiB} at the sources`,
    )
    return run
  } catch (error) {
    say(`${step.name}: ${errorMessage(error)}`)
    return { name: step.name, reason: errorMessage(error) }
  }
}

/** The worst of all runs, but for the seconds, which are the median of the equal layers' runs. */
function figures(rows: readonly ManyRow[]): Record<string, number | string | null> {
  const runs = rows.filter((row): row is ManyRun => !('reason' in row))
  const failed = rows.find((row) => 'reason' in row)
  const worst = (pick: (run: ManyRun) => readonly (number | null)[], of: (...values: number[]) => number) => {
    const values = runs.flatMap(pick).filter((value) => value !== null)
    return failed === undefined && values.length > 0 ? of(...values) : null
  }
  const fair = (run: ManyRun) => (run.name === 'large' ? [] : [run.slowestOverMean, run.slowestOverMeanAtHalf])
  return {
    slowestOverMean: worst(fair, Math.min),
    eventLoopP99Ms: worst(({ loop }) => [loop.p99Ms], Math.max),
    eventLoopMaxMs: worst(({ loop }) => [loop.maxMs], Math.max),
    peakRssMiB: worst(({ peakRssMiB, sourcePeakRssMiB }) => [peakRssMiB, sourcePeakRssMiB], Math.max),
    seconds: median(runs.filter(({ name }) => name === 'equal').map(({ seconds }) => seconds)),
    ...(failed !== undefined && 'reason' in failed ? { reason: failed.reason.slice(0, 300) } : {}),
  }
}

/** The layers, and one node's copy of them; of the large ones as much as passes in the time. */
async function checkRoom({ equalMiB, mixedMiB }: Size): Promise<void> {
  const neededMiB = 2 * LAYERS * Math.max(equalMiB, (mixedMiB[0] + mixedMiB[1]) / 2) + 8 * 1024
  const { bavail, bsize } = await statfs(PARENT)
  if (bavail * bsize < neededMiB * MIB) throw new Error(`${PARENT} needs ${neededMiB} MiB free`)
}

function median(values: readonly number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? null
}
