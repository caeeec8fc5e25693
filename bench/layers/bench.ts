import { rmSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import { ensureGuests } from '../../infra/guests/ensure-guests.ts'
import type { GuestSet } from '../../infra/guests/guest-set.ts'
import { buildSmallGuests } from '../../infra/guests/small-guests.ts'
import { atExit } from '../engines/at-exit.ts'
import type { BenchReport } from '../run.ts'
import { type LayerRow, layersFigures } from './layers-figures.ts'
import { measureCommand } from './measure-command.ts'
import { measureImage, measureMiddle } from './measure-layers.ts'

/** The middles that are measured again and again; of the rest each once. */
const SMALL_SET = 3
const ROUNDS = 5
const UNTRIMMED_ROUNDS = 1
const QUICK = { middles: SMALL_SET, baseMiB: 64, middleMiB: 16 }
const QUICK_ROUNDS = 5
/** After so long no further round begins. */
const QUICK_SECONDS = 30

interface Task {
  readonly index: number
  readonly variant: 'flat' | 'untrimmed'
  readonly round: number
}

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const begin = performance.now()
  const seconds = () => (performance.now() - begin) / 1000
  const directory = await mkdtemp(join(tmpdir(), 'shoal-layers-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  const rows: LayerRow[] = []
  try {
    const guests = quick ? await buildSmallGuests(directory, QUICK) : await ensureGuests({ middles: 20, say })
    rows.push(...(await measureImages(guests, directory)))
    for (const { index, variant, round } of tasks(guests.middles.length, quick ? QUICK_ROUNDS : ROUNDS)) {
      const middle = guests.middles[index]
      if (middle === undefined || (quick && round > 0 && seconds() > QUICK_SECONDS)) continue
      const ground = { base: guests.base, middle, isInSmallSet: index < SMALL_SET, variant, round, directory }
      const measured = await measureMiddle(ground)
      for (const row of measured) say(describe(row))
      rows.push(...measured)
    }
    return { figures: layersFigures(rows), rows, versions: { 'qemu-img': await qemuVersion() } }
  } catch (error) {
    const reason = errorMessage(error).slice(0, 300)
    return { figures: { ...layersFigures(rows), reason }, rows }
  } finally {
    await rm(directory, { recursive: true, force: true })
    forget()
  }
}

/** Rounds over the small set, so that all of it is measured even when time is short; then what is measured once. */
function tasks(middles: number, rounds: number): Task[] {
  const small = Array.from({ length: Math.min(SMALL_SET, middles) }, (_, index) => index)
  const round = (count: number, variant: 'flat' | 'untrimmed') =>
    Array.from({ length: count }, (_, round) => small.map((index) => ({ index, variant, round }))).flat()
  const rest = Array.from({ length: middles - small.length }, (_, index) => {
    return { index: small.length + index, variant: 'flat' as const, round: 0 }
  })
  return [
    ...round(1, 'flat'),
    ...round(UNTRIMMED_ROUNDS, 'untrimmed'),
    ...round(rounds, 'flat').slice(small.length),
    ...rest,
  ]
}

async function measureImages(guests: GuestSet, directory: string): Promise<LayerRow[]> {
  const common = { directory, round: 0 }
  const base = { ...common, name: 'base', image: guests.base, isInSmallSet: false, variant: 'flat' as const }
  const rows = await measureImage(base)
  for (const [index, { name, flat, untrimmed }] of guests.middles.entries()) {
    const isInSmallSet = index < SMALL_SET
    rows.push(...(await measureImage({ ...common, name, image: flat, isInSmallSet, variant: 'flat' })))
    if (!isInSmallSet) continue
    rows.push(...(await measureImage({ ...common, name, image: untrimmed, isInSmallSet, variant: 'untrimmed' })))
  }
  return rows
}

function describe(row: LayerRow): string {
  const place = `${row.middle} (${row.variant}), ${row.what} by ${row.engine}`
  if ('reason' in row) return `${place}: ${row.reason}`
  return `${place}: ${row.wallSeconds} s, ${row.cpuSeconds} CPU s, ${(row.bytes / 1024 ** 2).toFixed(1)} MiB`
}

async function qemuVersion(): Promise<string> {
  return (await measureCommand(['qemu-img', '--version'])).stdout.split('\n')[0] ?? 'unknown'
}
