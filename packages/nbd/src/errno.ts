import { errorCode } from '@shoal/core'
import { ERRNO } from './protocol.ts'

/**
 * A system error is not passed on: EINVAL or EPERM from a file below the device would tell the client that its own request was
 * wrong.
 */
const ERRNO_OF: ReadonlyMap<string, number> = new Map([
  ['SHOAL_NBD_IO', ERRNO.EIO],
  ['SHOAL_NBD_INVALID', ERRNO.EINVAL],
  ['SHOAL_NBD_READ_ONLY', ERRNO.EPERM],
  ['SHOAL_NBD_NO_SPACE', ERRNO.ENOSPC],
  ['SHOAL_NBD_SHUTDOWN', ERRNO.ESHUTDOWN],
])

/** The NBD errno of what a device failed with; EIO for all that has no errno of its own. */
export function errnoOf(error: unknown): number {
  return ERRNO_OF.get(errorCode(error) ?? '') ?? ERRNO.EIO
}
