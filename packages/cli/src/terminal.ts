import { pressedKeys } from './pressed-keys.ts'

/** Where a command reads its surroundings and writes: the process, or a test. */
export interface Terminal {
  readonly env: NodeJS.ProcessEnv
  readonly cwd: string
  readonly stdout: NodeJS.WritableStream
  readonly stderr: NodeJS.WritableStream
  /** What is piped in; for the few commands that read it. */
  readonly stdin?: AsyncIterable<Uint8Array | string>
  /** A person looks at it: progress bars may be drawn on standard error. */
  readonly isInteractive: boolean
  /** Width of help and tables. */
  readonly columns: number
  /** Standard output is a screen that can be drawn over. */
  readonly isScreen?: boolean
  /** What a person presses, until aborted. Undefined when nobody can. */
  readonly keys?: ((signal: AbortSignal) => AsyncIterable<string>) | undefined
}

const DEFAULT_COLUMNS = 100
const MAX_HELP_COLUMNS = 120

export function processTerminal(): Terminal {
  return {
    env: process.env,
    cwd: process.cwd(),
    stdout: process.stdout,
    stderr: process.stderr,
    // Opened only when it is read.
    get stdin() {
      return process.stdin
    },
    get keys() {
      return pressedKeys(process.stdin)
    },
    isScreen: process.stdout.isTTY === true && process.env.TERM !== 'dumb',
    isInteractive: process.stderr.isTTY === true && process.env.TERM !== 'dumb',
    columns: Math.min(process.stdout.columns ?? DEFAULT_COLUMNS, MAX_HELP_COLUMNS),
  }
}
