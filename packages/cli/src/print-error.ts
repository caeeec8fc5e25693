import { ShoalError } from '@shoal/core'
import { cliError } from './errors.ts'
import { plainText } from './format/plain-text.ts'
import type { Terminal } from './terminal.ts'

interface Fault {
  readonly message: string
  readonly hint: string
  readonly code: string
  readonly details: unknown
}

/** Prints what was thrown, once, on standard error. Anything but a coded error is a bug and is shown with its stack. */
export function printError(terminal: Terminal, error: unknown, options: { json: boolean }): void {
  printFault(terminal, error instanceof ShoalError ? error : bug(error), options)
}

/** Prints an error that the API gave as a value. */
export function printFault(terminal: Terminal, fault: Fault, options: { json: boolean }): void {
  const { code, message, hint, details } = fault
  const text = options.json
    ? JSON.stringify({ error: { code, message, hint, details } })
    : // A message may have lines of its own, such as the list of a configuration's faults.
      [`error: ${lines(message)}`, `hint: ${lines(hint)}`, `code: ${plainText(code)}`].join('\n')
  terminal.stderr.write(`${text}\n`)
}

function lines(text: string): string {
  return text.split('\n').map(plainText).join('\n')
}

function bug(error: unknown): ShoalError {
  const stack = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return cliError('SHOAL_CLI_BUG', { stack }, error)
}
