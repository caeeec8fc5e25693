import { execFile, execFileSync } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { promisify } from 'node:util'
import { atExit } from '../engines/at-exit.ts'

const run = promisify(execFile)

/** Addresses of this machine alone, all on the loopback device: the first three numbers, and whether any engine takes them. */
export interface BenchNetwork extends AsyncDisposable {
  readonly prefix: string
  /** False for 127.0.0.0/8, which Transmission refuses as an address of a peer. */
  readonly isOrdinary: boolean
}

/**
 * As root a range that is reserved for benches (RFC 2544) is routed to the loopback device, so that engines which
 * refuse loopback addresses run as well; otherwise a part of 127.0.0.0/8.
 */
export async function createBenchNetwork(): Promise<BenchNetwork> {
  const number = randomInt(1, 255)
  const prefix = `198.18.${number}`
  const route = ['local', `${prefix}.0/24`, 'dev', 'lo']
  try {
    if (process.getuid?.() !== 0) throw new Error('a route needs root')
    await run('ip', ['route', 'add', ...route])
    const forget = atExit(() => execFileSync('ip', ['route', 'del', ...route]))
    return {
      prefix,
      isOrdinary: true,
      async [Symbol.asyncDispose]() {
        await run('ip', ['route', 'del', ...route])
        forget()
      },
    }
  } catch {
    return { prefix: `127.${randomInt(64, 128)}.${number}`, isOrdinary: false, async [Symbol.asyncDispose]() {} }
  }
}
