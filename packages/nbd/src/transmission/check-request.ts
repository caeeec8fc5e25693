import type { BlockDevice } from '../block-device.ts'
import { COMMAND, COMMAND_FLAG, ERRNO } from '../protocol.ts'
import type { RequestHeader } from './request-reader.ts'

/** What a connection has agreed on. */
export interface Agreed {
  readonly device: BlockDevice
  readonly isStructured: boolean
  readonly hasAllocation: boolean
}

/** The errno that a request is refused with before the device is asked, or none. Docs: docs/formats/nbd.md. */
export function checkRequest(request: RequestHeader, agreed: Agreed): number {
  const { device, isStructured, hasAllocation } = agreed
  switch (request.type) {
    case COMMAND.read:
      return checkRange(request, device, isStructured ? COMMAND_FLAG.df : 0)
    case COMMAND.cache:
      return device.willRead === undefined ? ERRNO.EINVAL : checkRange(request, device, 0)
    case COMMAND.blockStatus:
      // The range that is asked for may be longer than a request that moves data.
      if (!hasAllocation || request.length === 0) return ERRNO.EINVAL
      return checkRange(request, device, COMMAND_FLAG.reqOne, device.sizeBytes)
    case COMMAND.write:
    case COMMAND.trim:
    case COMMAND.writeZeroes:
      return ERRNO.EPERM
  }
  return ERRNO.EINVAL
}

function checkRange(
  { flags, offset, length }: RequestHeader,
  { sizeBytes, blockSizes }: BlockDevice,
  allowedFlags: number,
  maxBytes = blockSizes.maximum,
): number {
  if ((flags & ~allowedFlags) !== 0 || length > maxBytes || offset + length > sizeBytes) return ERRNO.EINVAL
  return offset % blockSizes.minimum === 0 && length % blockSizes.minimum === 0 ? ERRNO.none : ERRNO.EINVAL
}
