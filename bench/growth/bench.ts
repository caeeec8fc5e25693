import { statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { errorMessage } from '@shoal/core'
import { shoal } from '../engines/shoal.ts'
import type { BenchReport } from '../run.ts'
import { createTransferGround, measureTransfer } from '../transfer/measure-transfer.ts'
import { type Growth, type GrowthRow, growthFigures } from './growth-figures.ts'

const MIB = 1024 ** 2
const TMPFS = '/dev/shm'

interface Step {
  readonly growth: Growth
  readonly mib: number
  readonly peers: readonly number[]
  readonly parent: string
  readonly rounds: number
  readonly timeoutSeconds: number
}

const disk = tmpdir()
const FULL: readonly Step[] = [
  { growth: 'layer', mib: 1024, peers: [1], parent: disk, rounds: 3, timeoutSeconds: 120 },
  { growth: 'layer', mib: 4096, peers: [1], parent: disk, rounds: 3, timeoutSeconds: 240 },
  { growth: 'layer', mib: 16_384, peers: [1], parent: disk, rounds: 1, timeoutSeconds: 600 },
  { growth: 'peers', mib: 64, peers: [4, 16, 64], parent: TMPFS, rounds: 3, timeoutSeconds: 240 },
]
const QUICK: readonly Step[] = [
  { growth: 'layer', mib: 256, peers: [1], parent: TMPFS, rounds: 1, timeoutSeconds: 15 },
  { growth: 'layer', mib: 1024, peers: [1], parent: TMPFS, rounds: 1, timeoutSeconds: 15 },
  { growth: 'peers', mib: 64, peers: [2, 8], parent: TMPFS, rounds: 1, timeoutSeconds: 15 },
]

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }): Promise<BenchReport> {
  const rows: GrowthRow[] = []
  for (const step of quick ? QUICK : FULL) rows.push(...(await measureStep(step, say)))
  return { figures: growthFigures(rows), rows }
}

async function measureStep(step: Step, say: (line: string) => void): Promise<GrowthRow[]> {
  const { growth, mib, parent } = step
  const failed = (peers: number, round: number, error: unknown): GrowthRow => {
    say(`${mib} MiB to ${peers}: ${errorMessage(error)}`)
    return { growth, round, peers, mib, reason: errorMessage(error) }
  }
  const rows: GrowthRow[] = []
  try {
    await checkRoom(step)
    await using ground = await createTransferGround({ parent, sizeBytes: mib * MIB })
    for (let round = 0; round < step.rounds; round += 1) {
      for (const peers of step.peers) {
        try {
          const run = await measureTransfer(ground, shoal(), { peers, timeoutMs: step.timeoutSeconds * 1000 })
          say(
            `${mib} MiB to ${peers}: ${run.mbPerSecond} MB/s, ${run.cpuPerGiB} CPU s/GiB, ${run.peakRssMiB} MiB at the peak`,
          )
          rows.push({ growth, round, ...run })
        } catch (error) {
          rows.push(failed(peers, round, error))
        }
      }
    }
  } catch (error) {
    rows.push(failed(Math.max(...step.peers), 0, error))
  }
  return rows
}

/** The layer, each peer's copy, and one to spare. */
async function checkRoom({ parent, mib, peers }: Step): Promise<void> {
  const neededMiB = (Math.max(...peers) + 2) * mib
  const { bavail, bsize } = await statfs(parent)
  if (bavail * bsize < neededMiB * MIB) throw new Error(`${parent} needs ${neededMiB} MiB free`)
}
