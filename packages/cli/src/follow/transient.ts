import { errorCode } from '@shoal/core'

const TRANSIENT: ReadonlySet<string> = new Set([
  'SHOAL_API_UNREACHABLE',
  'SHOAL_API_TIMEOUT',
  'SHOAL_API_STREAM_CUT',
  'SHOAL_HTTP_BUSY',
])

/** Whether asking a service again may help, which answered before. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(errorCode(error) ?? '')
}
