import { errorMessage } from '@shoal/core'
import { engineVersions } from '../engines/engine-versions.ts'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import type { BootCase } from './boot-case.ts'
import { type BootPlace, type BootRow, bootFigures } from './boot-figures.ts'
import { type BootFleet, openBootFleet } from './boot-fleet.ts'
import { type BootGround, createBootGround } from './boot-ground.ts'
import type { BootRun } from './measure-boots.ts'
import {
  measureOurs,
  measurePlain,
  OUR_VARIANTS,
  type OurVariant,
  PLAIN_VARIANTS,
  type PlainVariant,
  type Variant,
} from './measure-variant.ts'
import { qemuVersion } from './qemu-version.ts'

interface Run {
  readonly bootCase: BootCase
  readonly rounds: number
  readonly ours: readonly OurVariant[]
  readonly plain: readonly PlainVariant[]
  /** Payload over bytes of the wire; absent: measured. */
  readonly goodput?: number
  /** A variant that takes longer is given up. */
  readonly timeoutMs: number
}

/** What Ethernet, IP and TCP headers with timestamps leave: 1448 of 1514 bytes. */
const FULL_PACKETS = 0.9564
const LINKS = { rateMBPerSecond: 4, libraryMBPerSecond: 8 } as const
const ALL = { ours: OUR_VARIANTS, plain: PLAIN_VARIANTS } as const
const FULL: readonly Run[] = [
  {
    bootCase: { guest: 'light', nodes: 8, racks: 2, ...LINKS, uplinkMBPerSecond: 8, library: 'glance' },
    ...{ ...ALL, rounds: 3, timeoutMs: 600_000 },
  },
  {
    bootCase: { guest: 'light', nodes: 16, racks: 4, ...LINKS, uplinkMBPerSecond: 8, library: 'glance' },
    ...{ ...ALL, rounds: 1, timeoutMs: 900_000 },
  },
  {
    bootCase: { guest: 'debian', nodes: 8, racks: 2, ...LINKS, uplinkMBPerSecond: 8, library: 'glance' },
    ...{ ...ALL, rounds: 1, timeoutMs: 2_400_000 },
  },
]
const QUICK: readonly Run[] = [
  {
    bootCase: {
      ...{ guest: 'light', lightMib: 24, nodes: 2, racks: 1, library: 'embedded' },
      ...{ rateMBPerSecond: 12, libraryMBPerSecond: 16 },
    },
    goodput: FULL_PACKETS,
    ...{ rounds: 1, timeoutMs: 40_000, ours: ['on-demand', 'profiled', 'planned'], plain: PLAIN_VARIANTS },
  },
]

interface RunOptions {
  readonly quick: boolean
  readonly say: (line: string) => void
  readonly journal: RowJournal
}

/** See README.md beside this file. */
export async function run({ quick, say, journal }: RunOptions): Promise<BenchReport> {
  const rows: BootRow[] = []
  for (const part of quick ? QUICK : FULL) rows.push(...(await runCase(part, { say, journal })))
  return { figures: bootFigures(rows), rows, versions: { ...(await engineVersions()), qemu: await qemuVersion() } }
}

async function runCase(part: Run, { say, journal }: Omit<RunOptions, 'quick'>): Promise<BootRow[]> {
  const { bootCase, rounds, ours, plain, timeoutMs } = part
  const { guest, nodes } = bootCase
  const isKnown = (round: number, variants: readonly Variant[]) =>
    variants.every((variant) => journal.find({ guest, nodes, variant, round }) !== undefined)
  const allRounds = Array.from({ length: rounds }, (_, round) => round)
  await using ground = allRounds.every((round) => isKnown(round, [...ours, ...plain]))
    ? undefined
    : await createBootGround(bootCase, { say, goodput: part.goodput })
  const rows: BootRow[] = []
  const measureRow = async (variant: Variant, round: number, measure: () => Promise<BootRun>) => {
    const place: BootPlace = { guest, nodes, variant, round }
    const row = await journal.row<BootRow>({ ...place }, async () => {
      const row = await measure().catch((error: unknown) => ({ reason: errorMessage(error) }))
      say(`${guest} ${nodes} ${variant}: ${'reason' in row ? row.reason : summary(row)}`)
      return { ...place, ...row }
    })
    rows.push(row)
  }
  for (const round of allRounds) {
    {
      await using fleet = isKnown(round, ours) ? undefined : await openBootFleet(needed(ground))
      for (const variant of ours) {
        await measureRow(variant, round, () =>
          measureOurs(needed(ground), needed<BootFleet>(fleet), variant, { timeoutMs }),
        )
      }
    }
    for (const variant of plain) {
      await measureRow(variant, round, () => measurePlain(needed(ground), variant, { timeoutMs }))
    }
  }
  return rows
}

/** What is only made when something is left to measure. */
function needed<T extends BootGround | BootFleet>(made: T | undefined): T {
  if (made === undefined) throw new TypeError('nothing is left to measure')
  return made
}

function summary({ firstSeconds, medianSeconds, lastSeconds, libraryMB, machineCpuShare }: BootRun): string {
  return (
    `up after ${firstSeconds} / ${medianSeconds} / ${lastSeconds} s, ${libraryMB} MB from the library, ` +
    `${Math.round(machineCpuShare * 100)} % of the CPU`
  )
}
