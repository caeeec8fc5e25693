import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { cpuSeconds } from './cpu-seconds.ts'
import type { DashboardGround } from './dashboard-ground.ts'

const SETTLE_MS = 1500

export interface SeedRound {
  /** CPU seconds a second. */
  readonly without: number
  readonly withDashboards: number
}

/** What the seed uses with and without dashboards, in turns: the nodes go on all the time. */
export async function measureSeed(
  { seed, token }: DashboardGround,
  { rounds, windowMs, dashboards }: { rounds: number; windowMs: number; dashboards: number },
): Promise<SeedRound[]> {
  const results: SeedRound[] = []
  for (let round = 0; round < rounds; round += 1) {
    const without = await rate(seed.pid, windowMs)
    const readers = spawn(
      process.execPath,
      [join(import.meta.dirname, 'stream-readers.ts'), seed.url, token, String(dashboards)],
      { stdio: 'ignore' },
    )
    // The whole picture that each gets at first is paid once, not by the second.
    await sleep(SETTLE_MS)
    const withDashboards = await rate(seed.pid, windowMs)
    if (readers.exitCode !== null) throw new Error('the readers of the stream ended')
    readers.kill()
    results.push({ without, withDashboards })
  }
  return results
}

async function rate(pid: number, windowMs: number): Promise<number> {
  const [begin, before] = [performance.now(), await cpuSeconds(pid)]
  await sleep(windowMs)
  const used = (await cpuSeconds(pid)) - before
  return (used * 1000) / (performance.now() - begin)
}
