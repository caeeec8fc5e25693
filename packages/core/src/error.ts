/** What one error code means: the message for people, and what they can do next. */
export interface ErrorEntry {
  /** One sentence that says what went wrong; `{name}` is replaced by the detail of that name. */
  readonly message: string
  /** One sentence that says what to do next. */
  readonly hint: string
}

/** A package's error codes. Codes are API and look like `SHOAL_<AREA>_<REASON>`. */
export type ErrorTable = Readonly<Record<`SHOAL_${string}`, ErrorEntry>>

export type ErrorDetails = Readonly<Record<string, string | number | boolean | null | undefined>>

/** The one error class of Shoal. The code is API; message and hint are for people. */
export class ShoalError extends Error {
  override readonly name = 'ShoalError'
  readonly code: string
  readonly hint: string
  readonly details: ErrorDetails

  constructor(code: string, message: string, options: { hint: string; details?: ErrorDetails; cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.hint = options.hint
    this.details = options.details ?? {}
  }
}

/** Makes the function that creates errors of one table, so that a code outside the table does not compile. */
export function errorFactory<T extends ErrorTable>(table: T) {
  return (code: keyof T & string, details: ErrorDetails = {}, cause?: unknown): ShoalError => {
    const entry = table[code as keyof ErrorTable] as ErrorEntry
    const fill = (text: string) => text.replace(/\{(\w+)\}/g, (_, name: string) => String(details[name] ?? 'unknown'))
    return new ShoalError(code, fill(entry.message), { hint: fill(entry.hint), details, cause })
  }
}

/** The code of a thrown value: a Shoal or system error's own code, otherwise `undefined`. */
export function errorCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined
  const { code } = error as { code?: unknown }
  return typeof code === 'string' ? code : undefined
}

/** The message of anything that was thrown. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
