import { randomInt } from 'node:crypto'
import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { cpus } from 'node:os'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import { atExit } from '../engines/at-exit.ts'
import { createBenchLayer } from '../engines/bench-layer.ts'
import { machineCpuSeconds } from '../engines/process-usage.ts'
import type { BenchReport } from '../run.ts'
import { LIMIT_CLASSES } from './limit-class.ts'
import { type LimitRun, measureLimit } from './measure-limit.ts'

const MB = 1e6
/** Memory: a disk that falls behind would look like a limit. */
const PARENT = '/dev/shm'

interface Size {
  readonly rates: readonly (readonly [number, number])[]
  /** More than a window, so that each rate is seen alone as well as across the change. */
  readonly secondsAtARate: number
  /** Classes that are measured at the same time, each in a swarm of its own. */
  readonly atOnce: number
  /** Room for the way to the first byte, in seconds at the higher rate. */
  readonly spareSeconds: number
}

const FULL: Size = {
  rates: [
    [4 * MB, 10 * MB],
    [40 * MB, 15 * MB],
  ],
  ...{ secondsAtARate: 13, atOnce: 2, spareSeconds: 4 },
}
const QUICK: Size = {
  rates: [[4 * MB, 8 * MB]],
  ...{ secondsAtARate: 11, atOnce: LIMIT_CLASSES.length, spareSeconds: 4 },
}

type LimitRow = LimitRun | { readonly class: string; readonly fromMBPerSecond: number; readonly reason: string }

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const size = quick ? QUICK : FULL
  const rows: LimitRow[] = []
  const [begin, busyBefore] = [performance.now(), machineCpuSeconds()]
  for (const rates of size.rates) rows.push(...(await measureAll(rates, size, say)))
  const busy = (machineCpuSeconds() - busyBefore) / ((performance.now() - begin) / 1000) / cpus().length
  return { figures: { ...figures(rows), machineCpuShare: Math.round(busy * 100) / 100 }, rows }
}

async function measureAll(
  rates: readonly [number, number],
  { secondsAtARate: seconds, atOnce, spareSeconds }: Size,
  say: (line: string) => void,
): Promise<LimitRow[]> {
  const directory = await mkdtemp(join(PARENT, 'shoal-limits-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  try {
    const neededBytes = seconds * (rates[0] + rates[1]) + spareSeconds * Math.max(...rates)
    const sizeBytes = Math.ceil(neededBytes / 2 ** 20) * 2 ** 20
    // Each swarm has a tracker of its own in place of the layer's.
    const layer = await createBenchLayer({ directory, sizeBytes, trackers: ['http://127.0.0.1:1/announce'] })
    const number = randomInt(64, 128)
    const left = LIMIT_CLASSES.map((tested, index) => ({ tested, prefix: `127.${number}.${index + 1}` }))
    const rows: LimitRow[] = []
    while (left.length > 0) {
      const together = left.splice(0, atOnce).map(async ({ tested, prefix }) => {
        try {
          const row = await measureLimit({ prefix, directory, layer }, tested, { rates, seconds })
          const [over, under] = [row.worstOver, row.worstUnder].map((share) => `${(share * 100).toFixed(1)} %`)
          say(`${tested.name}, ${row.fromMBPerSecond} then ${row.toMBPerSecond} MB/s: ${over} over, ${under} under`)
          return row
        } catch (error) {
          const reason = errorMessage(error)
          say(`${tested.name}: ${reason}`)
          return { class: tested.name, fromMBPerSecond: rates[0] / MB, reason }
        }
      })
      rows.push(...(await Promise.all(together)))
    }
    return rows
  } finally {
    await rm(directory, { recursive: true, force: true })
    forget()
  }
}

/** The worst error of all, and of each class. */
function figures(rows: readonly LimitRow[]): Record<string, number | string | null> {
  const worstOf = (some: readonly LimitRow[]) => {
    const errors = some.flatMap((row) => ('reason' in row ? [] : [row.worstError]))
    return errors.length < some.length || errors.length === 0 ? null : Math.max(...errors)
  }
  const failed = rows.find((row) => 'reason' in row)
  const measured = rows.filter((row): row is LimitRun => !('reason' in row))
  return {
    worstError: worstOf(rows),
    worstOver: measured.length === 0 ? null : Math.max(...measured.map(({ worstOver }) => worstOver)),
    worstUnder: measured.length === 0 ? null : Math.max(...measured.map(({ worstUnder }) => worstUnder)),
    ...(failed !== undefined && 'reason' in failed
      ? { reason: `${failed.class}: ${failed.reason}`.slice(0, 300) }
      : {}),
    ...Object.fromEntries(
      LIMIT_CLASSES.map(({ name }) => [`${name}Error`, worstOf(rows.filter((row) => row.class === name))]),
    ),
  }
}
