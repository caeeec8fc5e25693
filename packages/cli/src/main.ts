import { errorCode, errorMessage } from '@shoal/core'
import { parseCommandLine } from './command-line.ts'
import { commands, nouns } from './commands.ts'
import { createContext } from './context.ts'
import { cliError } from './errors.ts'
import { EXIT, type ExitCode, exitCodeOf } from './exit-code.ts'
import type { GlobalArgs } from './global-options.ts'
import { type Interruption, processInterruption } from './interruption.ts'
import { printError } from './print-error.ts'
import { processTerminal, type Terminal } from './terminal.ts'

/** Runs one command line to its end and gives the exit code. The error, if any, is printed here and nowhere else. */
export async function main(
  argv: readonly string[],
  deps: { terminal: Terminal; interruption: Interruption },
): Promise<ExitCode> {
  const { terminal, interruption } = deps
  // Known before the command line is understood, so that even its errors are JSON when asked for.
  const json = argv.includes('--json')
  try {
    const chosen = await parseCommandLine(argv, { commands, nouns }, { columns: terminal.columns })
    if ('text' in chosen) {
      terminal.stdout.write(`${chosen.text}\n`)
      return EXIT.ok
    }
    const { command, args } = chosen
    if (!command.ownsSignals) interruption.listen()
    const globals = args as unknown as GlobalArgs
    return await command.run(createContext({ terminal }, { args: globals, signal: interruption.signal }), args)
  } catch (error) {
    if (interruption.signal.aborted && error === interruption.signal.reason) return interruption.exitCode
    printError(terminal, error, { json })
    return exitCodeOf(error)
  }
}

/** Runs the command line of this process; bin/shoal.js calls it. */
export async function run(): Promise<void> {
  const deps = { terminal: processTerminal(), interruption: processInterruption() }
  process.stdout.on('error', (error) => {
    // The reader of a pipe has gone (`shoal event watch | head`): nothing is left to do, and nothing is wrong.
    if (errorCode(error) === 'EPIPE') process.exit(EXIT.ok)
    const fault = cliError('SHOAL_CLI_OUTPUT', { reason: errorMessage(error) }, error)
    printError(deps.terminal, fault, { json: process.argv.includes('--json') })
    process.exit(EXIT.failed)
  })
  // Not process.exit: what was written to a pipe may still be on its way.
  process.exitCode = await main(process.argv.slice(2), deps)
}
