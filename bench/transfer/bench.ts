import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { errorMessage } from '@shoal/core'
import { engineVersions } from '../engines/engine-versions.ts'
import { createEngines } from '../engines/engines.ts'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import { createGlanceGround, measureGlance } from './measure-glance.ts'
import { createTransferGround, measureTransfer, type Transfer, type TransferGround } from './measure-transfer.ts'
import { type FileSystem, mediansOf, type TransferRow, transferFigures } from './transfer-figures.ts'

const MIB = 1024 ** 2
const TMPFS = '/dev/shm'
const COMPARED = ['shoal', 'aria2', 'libtorrent']
/** Minutes for a GiB to eight peers: a smaller layer once shows their rate as well. */
const SLOW = ['stock-webtorrent', 'transmission']

interface Size {
  readonly engines: readonly string[]
  readonly mib: number
  readonly slowMib: number
  readonly peers: readonly number[]
  readonly fileSystems: readonly FileSystem[]
  readonly rounds: number
  readonly glanceRounds: number
  /** A file system: no round begins that would last longer than this. */
  readonly budgetSeconds: number
  readonly runTimeoutSeconds: number
  readonly slowTimeoutSeconds: number
}

const FULL: Size = {
  engines: ['shoal-warm', ...COMPARED],
  ...{ mib: 1024, slowMib: 256, peers: [1, 4, 8], fileSystems: ['tmpfs', 'disk'], rounds: 5, glanceRounds: 3 },
  ...{ budgetSeconds: 1800, runTimeoutSeconds: 120, slowTimeoutSeconds: 120 },
}
const QUICK: Size = {
  engines: COMPARED,
  ...{ mib: 512, slowMib: 0, peers: [1, 4], fileSystems: ['tmpfs'], rounds: 2, glanceRounds: 0 },
  ...{ budgetSeconds: 40, runTimeoutSeconds: 15, slowTimeoutSeconds: 0 },
}

type Say = (line: string) => void

interface Common {
  readonly say: Say
  readonly journal: RowJournal
}

interface RunOptions extends Common {
  readonly quick: boolean
}

/** See README.md beside this file. */
export async function run({ quick, say, journal }: RunOptions): Promise<BenchReport> {
  const size = quick ? QUICK : FULL
  const rows: TransferRow[] = []
  for (const fileSystem of size.fileSystems) rows.push(...(await compare(fileSystem, size, { say, journal })))
  if (size.slowMib > 0) rows.push(...(await measureSlow(size, { say, journal })))
  const cells = size.fileSystems.flatMap((fileSystem) => size.peers.map((peers) => ({ fileSystem, peers })))
  return { figures: transferFigures(rows, cells), rows, versions: await engineVersions() }
}

/** Ours and what it is compared with, interleaved, so that what disturbs the machine disturbs all of them. */
async function compare(fileSystem: FileSystem, size: Size, common: Common): Promise<TransferRow[]> {
  const startedAt = performance.now()
  await using ground = await createGround(fileSystem, size.mib, Math.max(...size.peers))
  const engines = createEngines()
  const rows: TransferRow[] = []
  let longestSeconds = 0
  for (let round = 0; round < size.rounds; round += 1) {
    const roundAt = performance.now()
    if ((roundAt - startedAt) / 1000 + longestSeconds > size.budgetSeconds) break
    for (const peers of size.peers) {
      // A different one first each time.
      const first = round % size.engines.length
      for (const name of [...size.engines.slice(first), ...size.engines.slice(0, first)]) {
        const engine = engines.get(name)
        if (engine === undefined) throw new TypeError(`no engine ${name}`)
        const options = { peers, timeoutMs: size.runTimeoutSeconds * 1000 }
        rows.push(
          await attempt(
            () => measureTransfer(ground, engine, options),
            { peers, name, fileSystem, round, mib: size.mib },
            common,
          ),
        )
      }
    }
    longestSeconds = Math.max(longestSeconds, (performance.now() - roundAt) / 1000)
  }
  if (size.glanceRounds > 0) rows.push(...(await measureGlanceRounds(ground, fileSystem, size, common)))
  sayMedians(rows, fileSystem, size, common.say)
  return rows
}

async function measureGlanceRounds(
  ground: TransferGround,
  fileSystem: FileSystem,
  size: Size,
  common: Common,
): Promise<TransferRow[]> {
  const rows: TransferRow[] = []
  await using glance = await createGlanceGround(ground)
  for (let round = 0; round < size.glanceRounds; round += 1) {
    for (const peers of size.peers) {
      const options = { peers, timeoutMs: size.runTimeoutSeconds * 1000 }
      rows.push(
        await attempt(
          () => measureGlance(ground, glance, options),
          { name: 'glance-http', fileSystem, round, mib: size.mib, peers },
          common,
        ),
      )
    }
  }
  return rows
}

async function measureSlow(size: Size, common: Common): Promise<TransferRow[]> {
  const rows: TransferRow[] = []
  await using ground = await createGround('tmpfs', size.slowMib, Math.max(...size.peers))
  const engines = createEngines()
  for (const name of SLOW) {
    for (const peers of size.peers) {
      const engine = engines.get(name)
      if (engine === undefined) throw new TypeError(`no engine ${name}`)
      const options = { peers, timeoutMs: size.slowTimeoutSeconds * 1000 }
      const about = { name, fileSystem: 'tmpfs' as const, round: 0, mib: size.slowMib, peers }
      rows.push(await attempt(() => measureTransfer(ground, engine, options), about, common))
    }
  }
  return rows
}

/** A failed run is a row too: a baseline that cannot do it must not end the bench. */
function attempt(
  measure: () => Promise<Transfer>,
  about: { name: string; fileSystem: FileSystem; round: number; mib: number; peers: number },
  { say, journal }: Common,
): Promise<TransferRow> {
  const { name: engine, fileSystem, round, mib, peers } = about
  const where = `${fileSystem}, ${mib} MiB to ${peers}: ${engine}`
  return journal.row<TransferRow>({ engine, fileSystem, round, mib, peers }, async () => {
    try {
      const transfer = await measure()
      say(`${where}: ${transfer.wallSeconds} s, ${transfer.mbPerSecond} MB/s, ${transfer.cpuPerGiB} CPU s/GiB`)
      return { fileSystem, round, ...transfer }
    } catch (error) {
      const reason = errorMessage(error)
      say(`${where}: ${reason}`)
      return { fileSystem, round, engine, peers, mib, reason }
    }
  })
}

function sayMedians(rows: readonly TransferRow[], fileSystem: FileSystem, size: Size, say: Say): void {
  for (const peers of size.peers) {
    for (const engine of new Set(rows.map((row) => row.engine))) {
      const medians = mediansOf(rows.filter((row) => row.engine === engine && row.peers === peers))
      if (medians === null) continue
      const { cpuPerGiB, mbPerSecond, seedCopies, wallSeconds } = medians
      say(
        `median, ${fileSystem}, ${peers} peers, ${engine}: ${wallSeconds} s, ${mbPerSecond} MB/s, ${cpuPerGiB} CPU s/GiB, ${seedCopies} seed copies`,
      )
    }
  }
}

/** Rejects when the files of a run would not fit. */
async function createGround(fileSystem: FileSystem, mib: number, peers: number): Promise<TransferGround> {
  const parent = fileSystem === 'tmpfs' ? TMPFS : tmpdir()
  // The layer, each peer's copy, and one for the image library.
  const neededBytes = (peers + 2) * mib * MIB
  const { bavail, bsize } = await statfs(parent)
  if (bavail * bsize < neededBytes) throw new Error(`${parent} needs ${neededBytes / MIB} MiB free`)
  return createTransferGround({ parent, sizeBytes: mib * MIB })
}
