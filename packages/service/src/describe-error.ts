import { ShoalError } from '@shoal/core'

/** An error as a person at a terminal should read it, as the command line prints its own; or the stack of a bug. */
export function describeError(error: unknown): string {
  if (error instanceof ShoalError) return `error: ${error.message}\nhint: ${error.hint}\ncode: ${error.code}`
  return error instanceof Error ? (error.stack ?? error.message) : String(error)
}
