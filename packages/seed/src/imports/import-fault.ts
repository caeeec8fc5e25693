import { errorCode } from '@shoal/core'
import { seedError } from '../errors.ts'

/** The library may be back soon: what was read is kept and the import is tried again. */
const TRANSIENT = new Set([
  'SHOAL_GLANCE_UNREACHABLE',
  'SHOAL_KEYSTONE_UNREACHABLE',
  'SHOAL_GLANCE_UNAUTHORIZED',
  'SHOAL_BARBICAN_UNREACHABLE',
])
/** The bytes or what the library says of them are at fault, or somebody said stop: what was read is of no use. */
const USELESS = new Set([
  'SHOAL_GLANCE_HASH_MISMATCH',
  'SHOAL_GLANCE_HASH_UNKNOWN',
  'SHOAL_GLANCE_OVERLONG',
  'SHOAL_GLANCE_RANGE',
  'SHOAL_GLANCE_TRUNCATED',
  'SHOAL_GLANCE_NOT_READY',
  'SHOAL_IMPORT_CANCELLED',
])
const CANCELLING = new Set(['SHOAL_IMPORT_CANCELLED', 'SHOAL_IMAGE_DELETED', 'SHOAL_IMAGE_DEACTIVATED'])
/** How the client's words for a vanished image are told. */
const VANISHED: Readonly<Record<string, 'SHOAL_IMAGE_DELETED' | 'SHOAL_IMAGE_DEACTIVATED'>> = {
  SHOAL_GLANCE_NOT_FOUND: 'SHOAL_IMAGE_DELETED',
  SHOAL_GLANCE_DEACTIVATED: 'SHOAL_IMAGE_DEACTIVATED',
}

/** Marks that the seed stops: the import is left as its journal has it, to go on at the next start. */
export class Stopping extends Error {}

/** Why an attempt ended: the signal's reason before anything that it has caused. */
export function explainFault(image: string, thrown: unknown, signal: AbortSignal): unknown {
  if (signal.aborted) return signal.reason
  const vanished = VANISHED[errorCode(thrown) ?? '']
  return vanished === undefined ? thrown : seedError(vanished, { image }, thrown)
}

/** Whether the import is to be left as it is, because the seed stops. */
export function isStop(error: unknown): boolean {
  return error instanceof Stopping || errorCode(error) === 'SHOAL_STATE_CLOSED'
}

export function isTransient(error: unknown): boolean {
  return TRANSIENT.has(errorCode(error) ?? '')
}

export function outcomeOf(error: unknown): 'failed' | 'cancelled' {
  return CANCELLING.has(errorCode(error) ?? '') ? 'cancelled' : 'failed'
}

/**
 * Whether what was read stays on disk for the next request. Unless the image is at fault it does: passwords expire,
 * proxies cut and disks fill up, and none of that is worth a second read of the library.
 */
export function isReadKept(code: string): boolean {
  return !USELESS.has(code) && !code.startsWith('SHOAL_IMAGE_')
}

/** Whether an import that ended so may be tried again without being asked for: the image's own bytes were not at fault. */
export function isRetriable(code: string): boolean {
  return isReadKept(code) || code === 'SHOAL_IMAGE_DEACTIVATED'
}
