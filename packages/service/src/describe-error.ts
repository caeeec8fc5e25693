import { ShoalError } from '@shoal/core'

/** An error as a person at a terminal should read it: code, message and hint, or the stack of a bug. */
export function describeError(error: unknown): string {
  if (error instanceof ShoalError) return `${error.code}: ${error.message}\n${error.hint}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
