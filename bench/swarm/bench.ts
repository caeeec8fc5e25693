import { errorMessage } from '@shoal/core'
import type { Engine } from '../engines/engine.ts'
import { engineVersions } from '../engines/engine-versions.ts'
import { createEngines } from '../engines/engines.ts'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import { CHURN_SCENARIOS, canSuffer, churnRoles, churnSetup } from './churn-scenario.ts'
import { measureChurn } from './measure-churn.ts'
import { measureSwarm, type SwarmRun } from './measure-swarm.ts'
import { type ChurnRow, churnFigures, type SwarmRow, swarmFigures } from './swarm-figures.ts'
import { createSwarmGround, type SwarmGround } from './swarm-ground.ts'
import { boundSecondsOf, createSwarmSetup, type SwarmCase } from './swarm-setup.ts'

const MIB = 1024 ** 2
const MB = 1e6
/** A run that takes longer than this many times the bound is given up. */
const MAX_OVER_BOUND = 6
/** Beside that, for connecting. */
const START_SECONDS = 4

/** One case and number of nodes, and how often each engine runs. */
interface Cell {
  readonly case: SwarmCase
  readonly nodes: number
  readonly mib: number
  /** Of a node's link. Where more nodes share the machine's cores it is less, so that links stay what is short. */
  readonly rateMBPerSecond: number
  readonly rounds: Readonly<Record<string, number>>
}

interface Churn {
  readonly nodes: number
  readonly mib: number
  readonly rateMBPerSecond: number
  readonly rounds: Readonly<Record<string, number>>
}

const FIVE = { shoal: 5, aria2: 5, libtorrent: 5 }
const WARM = { ...FIVE, 'shoal-warm': 3 }
/** Minutes a round. */
const MANY = { shoal: 5, aria2: 3, libtorrent: 3 }
const FULL: readonly Cell[] = [
  { case: 'flat', nodes: 8, mib: 256, rateMBPerSecond: 10, rounds: MANY },
  { case: 'slow-seed', nodes: 8, mib: 64, rateMBPerSecond: 10, rounds: FIVE },
  { case: 'racks', nodes: 8, mib: 96, rateMBPerSecond: 5, rounds: WARM },
  { case: 'flat', nodes: 16, mib: 64, rateMBPerSecond: 3, rounds: { ...WARM, 'libtorrent-super-seeding': 1 } },
  { case: 'racks', nodes: 16, mib: 64, rateMBPerSecond: 3, rounds: WARM },
  { case: 'slow-seed', nodes: 16, mib: 64, rateMBPerSecond: 3, rounds: FIVE },
  { case: 'flat', nodes: 32, mib: 64, rateMBPerSecond: 1.5, rounds: MANY },
  { case: 'slow-seed', nodes: 32, mib: 64, rateMBPerSecond: 1.5, rounds: MANY },
  { case: 'racks', nodes: 32, mib: 64, rateMBPerSecond: 1.5, rounds: MANY },
]
const FULL_CHURN: Churn = { nodes: 9, mib: 128, rateMBPerSecond: 5, rounds: { shoal: 5, aria2: 1, libtorrent: 1 } }
const QUICK: readonly Cell[] = [
  { case: 'flat', nodes: 8, mib: 64, rateMBPerSecond: 10, rounds: { shoal: 1, aria2: 1 } },
  { case: 'racks', nodes: 8, mib: 48, rateMBPerSecond: 10, rounds: { shoal: 1 } },
]

type Say = (line: string) => void

interface RunOptions {
  readonly quick: boolean
  readonly say: Say
  readonly journal: RowJournal
}

/** See README.md beside this file. */
export async function run({ quick, say, journal }: RunOptions): Promise<BenchReport> {
  const engines = createEngines()
  const rows: SwarmRow[] = []
  let goodput: number | undefined
  for (const cell of quick ? QUICK : FULL) {
    const known = knownRows(cell, engines, journal)
    if (known !== undefined) {
      rows.push(...known)
      continue
    }
    await using ground = await createGround(cell, quick ? goodput : undefined)
    goodput = ground.goodput
    rows.push(...(await compare(ground, cell, { engines, say, journal })))
  }
  const churn = quick ? [] : await measureChurns(FULL_CHURN, { engines, say, journal })
  const figures = { ...swarmFigures(rows), ...churnFigures(churn) }
  return { figures, rows: [...rows, ...churn], versions: await engineVersions() }
}

function createGround(
  { nodes, mib, rateMBPerSecond, ...cell }: Cell,
  goodput: number | undefined,
): Promise<SwarmGround> {
  const size = { nodes, sizeBytes: mib * MIB, bytesPerSecond: rateMBPerSecond * MB }
  return createSwarmGround(createSwarmSetup({ case: cell.case, ...size }), { goodput })
}

interface Common {
  readonly engines: ReadonlyMap<string, Engine>
  readonly say: Say
  readonly journal: RowJournal
}

/** Ours and what it is compared with, interleaved, so that what disturbs the machine disturbs all of them. */
async function compare(ground: SwarmGround, cell: Cell, { engines, say, journal }: Common): Promise<SwarmRow[]> {
  const { nodes, mib, rateMBPerSecond } = cell
  const rows: SwarmRow[] = []
  for (const { engine, round } of turns(cell.rounds, engines)) {
    const where = `${cell.case}, ${mib} MiB to ${nodes} at ${rateMBPerSecond} MB/s: ${engine.name}`
    const measure = async (): Promise<SwarmRow> => {
      try {
        const measured = await measureSwarm(ground, engine, { timeoutMs: timeoutMs(ground) })
        say(`${where}: ${summary(measured)}`)
        return { round, ...measured }
      } catch (error) {
        const reason = errorMessage(error)
        say(`${where}: ${reason}`)
        return { round, case: cell.case, engine: engine.name, nodes, reason }
      }
    }
    rows.push(await journal.row<SwarmRow>({ case: cell.case, nodes, engine: engine.name, round }, measure))
  }
  return rows
}

/** The rows of a cell when an earlier run has measured all of it. */
function knownRows(cell: Cell, engines: Common['engines'], journal: RowJournal): SwarmRow[] | undefined {
  const { case: name, nodes } = cell
  const rows = turns(cell.rounds, engines).map(({ engine, round }) =>
    journal.find({ case: name, nodes, engine: engine.name, round }),
  )
  // What this very bench has written.
  return rows.includes(undefined) ? undefined : (rows as unknown as SwarmRow[])
}

async function measureChurns(churn: Churn, { engines, say, journal }: Common): Promise<ChurnRow[]> {
  const size = { nodes: churn.nodes, sizeBytes: churn.mib * MIB, bytesPerSecond: churn.rateMBPerSecond * MB }
  const rows: ChurnRow[] = []
  for (const scenario of CHURN_SCENARIOS) {
    const roles = churnRoles(scenario, size)
    await using ground = await createSwarmGround(churnSetup(roles, size))
    for (const { engine, round } of turns(churn.rounds, engines)) {
      if (!canSuffer(engine.name, scenario)) continue
      const measure = async (): Promise<ChurnRow> => {
        try {
          const measured = await measureChurn(ground, engine, { scenario, roles, timeoutMs: timeoutMs(ground) })
          const late = measured.lateOverBound === null ? '' : `, those who came late ${measured.lateOverBound}`
          say(`${scenario}: ${engine.name}: ${measured.lastOverBound} of the bound of what remains${late}`)
          return { round, ...measured }
        } catch (error) {
          say(`${scenario}: ${engine.name}: ${errorMessage(error)}`)
          return { round, scenario, engine: engine.name, reason: errorMessage(error) }
        }
      }
      rows.push(await journal.row<ChurnRow>({ scenario, engine: engine.name, round }, measure))
    }
  }
  return rows
}

/** A different engine first each round. */
function turns(rounds: Readonly<Record<string, number>>, engines: ReadonlyMap<string, Engine>) {
  const names = Object.keys(rounds)
  return Array.from({ length: Math.max(...Object.values(rounds)) }, (_, round) => round).flatMap((round) => {
    const first = round % names.length
    return [...names.slice(first), ...names.slice(0, first)].flatMap((name) => {
      const engine = engines.get(name)
      if (engine === undefined) throw new TypeError(`no engine ${name}`)
      return round < (rounds[name] ?? 0) ? [{ engine, round }] : []
    })
  })
}

function timeoutMs({ setup, goodput }: SwarmGround): number {
  const peers = setup.peers.filter(({ bytesPerSecond }) => bytesPerSecond === setup.peers[0]?.bytesPerSecond)
  return (MAX_OVER_BOUND * boundSecondsOf(setup, goodput, peers) + START_SECONDS) * 1000
}

function summary(run: SwarmRun): string {
  const racks = run.crossRackCopies === null ? '' : `, ${run.crossRackCopies} into a rack`
  return (
    `last ${run.lastOverBound} and median ${run.medianOverBound} of the bound, ${run.seedCopies} seed copies${racks}, ` +
    `${Math.round(run.machineCpuShare * 100)} % of the CPU`
  )
}
