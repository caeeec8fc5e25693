import { type ExecFileException, execFile } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

const MAX_OUTPUT = 64 * 1024 * 1024
const TIMEOUT_MS = 60_000

export interface ClientResult {
  readonly code: number
  /** What it printed on both. */
  readonly output: string
  readonly stdout: string
}

/** Runs a real NBD client to its end, whatever that is. */
export function runClient(command: string, ...args: readonly string[]): Promise<ClientResult> {
  return new Promise((resolve, reject) => {
    const options = { maxBuffer: MAX_OUTPUT, timeout: TIMEOUT_MS }
    execFile(command, args, options, (error: ExecFileException | null, stdout, stderr) => {
      const output = `${stdout}${stderr}`
      if (error === null) resolve({ code: 0, output, stdout })
      else if (typeof error.code === 'number') resolve({ code: error.code, output, stdout })
      else reject(new Error(`${command} ${args.join(' ')}: ${error.message}\n${output}`))
    })
  })
}

/** Whether a program is on the search path. A test that needs one which is not says so. */
export function hasClient(
  t: { diagnostic(message: string): void; skip(message: string): void },
  name: string,
): boolean {
  const isThere = (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
  if (!isThere) {
    t.diagnostic(`${name} is not installed: its test did not run`)
    t.skip(`${name} is not installed`)
  }
  return isThere
}
