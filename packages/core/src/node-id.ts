import { coreError } from './errors.ts'

const NODE_ID = /^[a-z0-9][a-z0-9.-]{0,252}$/

/** Checks a node's name (a host name, lower case). Throws `SHOAL_NODE_ID_INVALID`. */
export function parseNodeId(value: string): string {
  if (!NODE_ID.test(value)) throw coreError('SHOAL_NODE_ID_INVALID', { value: value.slice(0, 100) })
  return value
}
