import type { BlockDevice } from './block-device.ts'
import { MAX_MINIMUM_BLOCK_BYTES, MAX_REQUEST_BYTES } from './protocol.ts'

const MIN_PREFERRED_BLOCK_BYTES = 512

/** Throws a TypeError when a device says of itself what the protocol does not allow. */
export function checkDevice({ sizeBytes, blockSizes: { minimum, preferred, maximum } }: BlockDevice): void {
  const isPowerOfTwo = (value: number) => Number.isSafeInteger(value) && value > 0 && Number.isInteger(Math.log2(value))
  const check = (isRight: boolean, what: string) => {
    if (!isRight) throw new TypeError(`a block device has ${what}`)
  }
  check(isPowerOfTwo(minimum) && minimum <= MAX_MINIMUM_BLOCK_BYTES, `minimum block size ${minimum}`)
  check(
    isPowerOfTwo(preferred) && preferred >= Math.max(minimum, MIN_PREFERRED_BLOCK_BYTES),
    `preferred block size ${preferred}`,
  )
  check(
    maximum % minimum === 0 && maximum >= preferred && maximum <= MAX_REQUEST_BYTES,
    `maximum block size ${maximum}`,
  )
  check(Number.isSafeInteger(sizeBytes) && sizeBytes >= 0 && sizeBytes % minimum === 0, `${sizeBytes} bytes`)
}
