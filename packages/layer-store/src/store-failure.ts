import { errorCode, errorMessage, ShoalError } from '@shoal/core'
import { storeError } from './errors.ts'

const NO_SPACE = new Set(['ENOSPC', 'EDQUOT', 'SHOAL_STATE_NO_SPACE'])

/** Translates what the file system or the state store threw while working on `path`; the store's own errors pass. */
export function storeFailure(error: unknown, path: string): ShoalError {
  if (error instanceof ShoalError && error.code.startsWith('SHOAL_STORE_')) return error
  const code = errorCode(error)
  if (code !== undefined && NO_SPACE.has(code)) return storeError('SHOAL_STORE_NO_SPACE', { path }, error)
  return storeError('SHOAL_STORE_IO', { path, reason: errorMessage(error) }, error)
}
