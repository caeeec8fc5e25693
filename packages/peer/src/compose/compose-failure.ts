import { dirname } from 'node:path'
import { errorCode, errorMessage, ShoalError } from '@shoal/core'
import { composeError } from './errors.ts'

/**
 * What went wrong while a disk was composed, as a coded error; `undefined` for what has no code at all, which is a bug.
 */
export function composeFailure(error: unknown, path: string): ShoalError | undefined {
  if (error instanceof ShoalError) return error
  const code = errorCode(error)
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const details = { path: dirname(path), reason: 'it became full while the disk was written' }
    return composeError('SHOAL_COMPOSE_NO_SPACE', details, error)
  }
  return code === undefined ? undefined : composeError('SHOAL_COMPOSE_IO', { path, reason: errorMessage(error) }, error)
}
