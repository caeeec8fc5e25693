import type { StateOperation, StateRangeOptions } from './state-store.ts'

const KEY = /^[\x21-\x7e]{1,512}$/

/** Throws a TypeError unless the key is well-formed. Printable ASCII sorts alike in JavaScript, LevelDB and etcd. */
export function checkKey(key: string): void {
  if (!KEY.test(key)) throw new TypeError(`state key ${JSON.stringify(key).slice(0, 100)}`)
}

/** The operation's value as JSON text, so that a value JSON cannot hold fails before anything is queued. */
export function encodeOperation(operation: StateOperation): { key: string; json: string | undefined } {
  checkKey(operation.key)
  if (operation.type === 'delete') return { key: operation.key, json: undefined }
  const json: unknown = JSON.stringify(operation.value)
  if (typeof json !== 'string') throw new TypeError(`state value of ${operation.key}`)
  return { key: operation.key, json }
}

/** The half-open or open interval of keys that a range covers: `low` is exclusive if `isAfter`. */
export function rangeBounds(options: StateRangeOptions): { low: string; isAfter: boolean; end: string } {
  const { prefix, after, reverse = false } = options
  // 0x7f sorts behind every character a key may hold.
  const end = `${prefix}\x7f`
  if (after === undefined) return { low: prefix, isAfter: false, end }
  if (reverse) return { low: prefix, isAfter: false, end: after < end ? after : end }
  return after < prefix ? { low: prefix, isAfter: false, end } : { low: after, isAfter: true, end }
}
