import type { BlockDevice } from '../block-device.ts'
import { TRANSMISSION_FLAG } from '../protocol.ts'

/**
 * What an export can do. Several connections are safe because nothing is ever written; neither flush nor FUA is offered for the same
 * reason.
 */
export function transmissionFlags(device: BlockDevice, isStructured: boolean): number {
  const { hasFlags, readOnly, canMultiConn, sendDf, sendCache } = TRANSMISSION_FLAG
  const always = hasFlags | readOnly | canMultiConn
  return always | (isStructured ? sendDf : 0) | (device.willRead === undefined ? 0 : sendCache)
}
