import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { errorMessage } from '@shoal/core'
import type { Engine } from '../engines/engine.ts'
import { shoal } from '../engines/shoal.ts'
import type { RowJournal } from '../row-journal.ts'
import type { BenchReport } from '../run.ts'
import { createTransferGround, measureTransfer, type TransferGround } from '../transfer/measure-transfer.ts'
import { mediansOf, type TransferRow } from '../transfer/transfer-figures.ts'

const MIB = 1024 ** 2
const TMPFS = '/dev/shm'
const RUN_TIMEOUT_MS = 120_000
const FULL = { mib: 1024, peers: [1, 4], rounds: 5, budgetSeconds: 1200 }
const QUICK = { mib: 256, peers: [1, 4], rounds: 3, budgetSeconds: 36 }

interface RunOptions {
  readonly quick: boolean
  readonly say: (line: string) => void
  readonly journal: RowJournal
}

/** See README.md beside this file. */
export async function run({ quick, say, journal }: RunOptions): Promise<BenchReport> {
  const size = quick ? QUICK : FULL
  const { bavail, bsize } = await statfs(TMPFS)
  if (bavail * bsize < (Math.max(...size.peers) + 2) * size.mib * MIB) throw new Error(`${TMPFS} is too small`)
  await using ground = await createTransferGround({ parent: TMPFS, sizeBytes: size.mib * MIB })
  const authority = join(ground.directory, 'authority')
  const engines = [
    shoal(),
    shoal({ trust: { name: 'proven', authority, encryption: 'off' } }),
    shoal({ trust: { name: 'sealed', authority, encryption: 'all' } }),
  ]
  const rows: TransferRow[] = []
  const startedAt = performance.now()
  for (let round = 0; round < size.rounds; round += 1) {
    if ((performance.now() - startedAt) / 1000 > size.budgetSeconds) break
    for (const peers of size.peers) {
      // A different one first each time.
      for (let turn = 0; turn < engines.length; turn += 1) {
        const engine = engines[(round + turn) % engines.length]
        if (engine !== undefined) rows.push(await attempt(ground, engine, { peers, round, mib: size.mib }, journal))
      }
    }
  }
  return { figures: figuresOf(rows, size.peers, say), rows }
}

function attempt(
  ground: TransferGround,
  engine: Engine,
  { peers, round, mib }: { peers: number; round: number; mib: number },
  journal: RowJournal,
): Promise<TransferRow> {
  const about = { fileSystem: 'tmpfs', round, engine: engine.name, peers, mib } as const
  return journal.row<TransferRow>(about, async () => {
    try {
      return { ...about, ...(await measureTransfer(ground, engine, { peers, timeoutMs: RUN_TIMEOUT_MS })) }
    } catch (error) {
      return { ...about, reason: errorMessage(error) }
    }
  })
}

function figuresOf(rows: readonly TransferRow[], peersOf: readonly number[], say: (line: string) => void) {
  const figures: Record<string, number | string | null> = {}
  for (const peers of peersOf) {
    const of = (engine: string) => mediansOf(rows.filter((row) => row.engine === engine && row.peers === peers))
    const open = of('shoal')
    for (const engine of ['proven', 'sealed']) {
      const medians = of(engine)
      const ratio = (pick: (medians: NonNullable<typeof open>) => number) =>
        open === null || medians === null ? null : Math.round((100 * pick(medians)) / pick(open)) / 100
      figures[`${engine}N${peers}CpuVsOpen`] = ratio(({ cpuPerGiB }) => cpuPerGiB)
      figures[`${engine}N${peers}WallVsOpen`] = ratio(({ wallSeconds }) => wallSeconds)
      figures[`${engine}N${peers}CpuPerGiB`] = medians?.cpuPerGiB ?? null
    }
    figures[`openN${peers}CpuPerGiB`] = open?.cpuPerGiB ?? null
    for (const engine of ['shoal', 'proven', 'sealed']) {
      const medians = of(engine)
      say(`${peers} peers, ${engine}: ${medians?.wallSeconds ?? '?'} s, ${medians?.cpuPerGiB ?? '?'} CPU s/GiB`)
    }
  }
  const failed = rows.find((row) => 'reason' in row)
  return {
    ...figures,
    ...(failed !== undefined && 'reason' in failed
      ? { reason: `${failed.engine}: ${failed.reason}`.slice(0, 300) }
      : {}),
  }
}
