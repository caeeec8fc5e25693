import { execFile } from 'node:child_process'
import { cpus } from 'node:os'
import { promisify } from 'node:util'

const HOST_CORE = 0
const run = promisify(execFile)

let isReserved = false

/**
 * Has this process, and all that it starts but guests, run on one core, as hypervisors keep cores for what runs beside machines (Nova's
 * `cpu_shared_set`). Of a single core nothing is kept.
 */
export async function reserveHostCore(): Promise<void> {
  isReserved = cpus().length > 1
  if (isReserved) await run('taskset', ['--all-tasks', '--cpu-list', '--pid', `${HOST_CORE}`, `${process.pid}`])
}

/** A command that starts a guest, on the cores that are left to guests. */
export function onGuestCores(argv: readonly string[]): string[] {
  return isReserved ? ['taskset', '--cpu-list', `${HOST_CORE + 1}-${cpus().length - 1}`, ...argv] : [...argv]
}
