/** A parser that faces a socket or a file, as the fuzzer runs it (bench/fuzz). */
export interface FuzzTarget {
  readonly name: string
  /** Inputs that are well-formed, or that were findings once: what is mutated. */
  readonly corpus: readonly Uint8Array[]
  /** Words of the format, which are put in here and there. */
  readonly words?: readonly string[]
  /** Throws for a finding: an error that nobody expects, or an answer that must not be. True when the input was taken. */
  readonly execute: (input: Buffer) => boolean | Promise<boolean>
  /** Whether it takes nothing that was changed, as a signature shows. */
  readonly isSigned?: boolean
  /** Ends what the target holds. */
  readonly close?: () => void
}

/** Runs a parser that may refuse with a coded error; anything else that it throws is a finding. */
export function isTaken(parse: () => unknown, isRefusal: (error: unknown) => boolean = isCoded): boolean {
  try {
    parse()
    return true
  } catch (error) {
    if (isRefusal(error)) return false
    throw error
  }
}

function isCoded(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('SHOAL_')
}

/** A finding when it does not hold. */
export function mustHold(holds: boolean, what: string): void {
  if (!holds) throw new Error(`finding: ${what}`)
}
