import { EXIT, type ExitCode } from './exit-code.ts'

/** How a command learns that it should end early. */
export interface Interruption {
  readonly signal: AbortSignal
  /** The exit code that goes with the signal that came. */
  readonly exitCode: ExitCode
  /** Takes over SIGINT and SIGTERM; not called for services, which handle them themselves. */
  listen(): void
}

const EXIT_CODES = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated } as const

/** Turns SIGINT and SIGTERM into an aborted signal; a second one ends the process at once. */
export function processInterruption(): Interruption {
  const controller = new AbortController()
  let exitCode: ExitCode = EXIT.interrupted
  return {
    signal: controller.signal,
    get exitCode() {
      return exitCode
    },
    listen: () => {
      for (const name of ['SIGINT', 'SIGTERM'] as const) {
        process.on(name, () => {
          exitCode = EXIT_CODES[name]
          if (controller.signal.aborted) process.exit(exitCode)
          controller.abort(new Error(`${name} received`))
        })
      }
    },
  }
}
