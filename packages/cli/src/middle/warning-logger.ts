import type { Logger } from '@shoal/core'
import { plainText } from '../format/plain-text.ts'
import type { Terminal } from '../terminal.ts'

/** What the packages below have to say that a person at the terminal should know: warnings and errors, a line each. */
export function warningLogger({ stderr }: Pick<Terminal, 'stderr'>): Logger {
  const print = (fields: Record<string, unknown>, message: string) => {
    const facts = Object.entries(fields).map(([name, value]) => `${name} ${String(value)}`)
    stderr.write(`warning: ${plainText([message, ...facts].join(', '))}\n`)
  }
  const logger: Logger = { debug: () => {}, info: () => {}, warn: print, error: print, child: () => logger }
  return logger
}
