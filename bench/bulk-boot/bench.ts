import { errorMessage } from '@shoal/core'
import { engineVersions } from '../engines/engine-versions.ts'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import type { BootCase } from './boot-case.ts'
import { type BootPlace, type BootRow, bootFigures } from './boot-figures.ts'
import { type BootFleet, openBootFleet } from './boot-fleet.ts'
import { type BootGround, createBootGround } from './boot-ground.ts'
import type { BootRun } from './measure-boots.ts'
import { measureOurs, measurePlain, OUR_VARIANTS, PLAIN_VARIANTS, type Variant } from './measure-variant.ts'
import { qemuVersion } from './qemu-version.ts'

interface Run {
  readonly bootCase: BootCase
  /** How often each variant is measured; those that are not named are not. */
  readonly rounds: Readonly<Partial<Record<Variant, number>>>
  /** Payload over bytes of the wire; absent: measured. */
  readonly goodput?: number
  /** A variant that takes longer is given up. */
  readonly timeoutMs: number
}

/** What Ethernet, IP and TCP headers with timestamps leave: 1448 of 1514 bytes. */
const FULL_PACKETS = 0.9564
/**
 * Every host has the same link. What takes a guest longer than with hardware virtualisation and cores of its own is to take the
 * links longer in proportion: some forty times.
 */
const LINKS = { rateMBPerSecond: 4, uplinkMBPerSecond: 8, libraryMBPerSecond: 4, library: 'glance' } as const
/** What every node downloads by itself takes minutes, and is the same each time. */
const DOWNLOADS = { glance: 1, torrent: 1 } as const
const FULL: readonly Run[] = [
  {
    bootCase: { guest: 'light', nodes: 8, racks: 2, ...LINKS },
    rounds: { 'on-demand': 1, profiled: 1, planned: 3, 'planned-chain': 3, local: 3, ...DOWNLOADS },
    timeoutMs: 600_000,
  },
  {
    bootCase: { guest: 'light', nodes: 16, racks: 4, ...LINKS },
    rounds: { 'on-demand': 1, profiled: 1, planned: 1, local: 1, ...DOWNLOADS },
    timeoutMs: 1_200_000,
  },
  {
    bootCase: { guest: 'debian', nodes: 8, racks: 2, ...LINKS },
    rounds: { 'on-demand': 1, profiled: 1, planned: 1, local: 1, ...DOWNLOADS },
    timeoutMs: 2_700_000,
  },
]
const QUICK: readonly Run[] = [
  {
    bootCase: {
      ...{ guest: 'light', lightMib: 24, nodes: 2, racks: 1, library: 'embedded' },
      ...{ rateMBPerSecond: 12, libraryMBPerSecond: 16 },
    },
    goodput: FULL_PACKETS,
    rounds: { 'on-demand': 1, profiled: 1, planned: 1, local: 1, ...DOWNLOADS },
    timeoutMs: 40_000,
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
  const { bootCase, rounds, timeoutMs } = part
  const { guest, nodes } = bootCase
  const placeOf = (variant: Variant, round: number): BootPlace => ({ guest, nodes, variant, round })
  const isKnown = (variant: Variant, round: number) => journal.find({ ...placeOf(variant, round) }) !== undefined
  const allRounds = Array.from({ length: Math.max(...Object.values(rounds)) }, (_, round) => round)
  const ofRound = <T extends Variant>(variants: readonly T[], round: number) =>
    variants.filter((variant) => round < (rounds[variant] ?? 0))
  const isLeft = (variants: readonly Variant[], round: number) =>
    ofRound(variants, round).some((variant) => !isKnown(variant, round))
  await using ground = allRounds.some((round) => isLeft([...OUR_VARIANTS, ...PLAIN_VARIANTS], round))
    ? await createBootGround(bootCase, { say, goodput: part.goodput })
    : undefined
  const rows: BootRow[] = []
  const measureRow = async (variant: Variant, round: number, measure: () => Promise<BootRun>) => {
    const place = placeOf(variant, round)
    // What failed is not kept: it is tried again when the run goes on.
    const row = await journal
      .row<BootRow>({ ...place }, async () => ({ ...place, ...(await measure()) }))
      .catch((error: unknown) => ({ ...place, reason: errorMessage(error) }))
    say(`${guest} ${nodes} ${variant}: ${'reason' in row ? row.reason : summary(row)}`)
    rows.push(row)
  }
  for (const round of allRounds) {
    {
      // New daemons for each round.
      await using fleet = isLeft(OUR_VARIANTS, round) ? await openBootFleet(needed(ground)) : undefined
      for (const variant of ofRound(OUR_VARIANTS, round)) {
        await measureRow(variant, round, () =>
          measureOurs(needed(ground), needed<BootFleet>(fleet), variant, { timeoutMs }),
        )
      }
    }
    for (const variant of ofRound(PLAIN_VARIANTS, round)) {
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
