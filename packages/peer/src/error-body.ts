import type { ErrorBody } from '@shoal/api'
import { type Digest, errorMessage, ShoalError } from '@shoal/core'
import { peerError } from './errors.ts'

const MAX_TEXT = 2000
const MAX_DETAILS = 30

/** Anything thrown while a layer was dealt with, as a coded error. */
export function layerError(layer: Digest, error: unknown): ShoalError {
  if (error instanceof ShoalError) return error
  return peerError('SHOAL_PEER_INTERNAL', { layer, reason: errorMessage(error) }, error)
}

/** An error as inventory and events carry it, within the bounds of the API. */
export function errorBody(error: ShoalError): ErrorBody {
  return {
    code: error.code,
    message: error.message.slice(0, MAX_TEXT),
    hint: error.hint.slice(0, MAX_TEXT),
    details: eventDetails(error.details),
  }
}

/** Details without what JSON or the API would refuse. */
export function eventDetails(details: Readonly<Record<string, unknown>>): Record<string, string | number | boolean> {
  const kept: Record<string, string | number | boolean> = {}
  for (const [key, value] of Object.entries(details).slice(0, MAX_DETAILS)) {
    if (typeof value === 'string') kept[key] = value.slice(0, MAX_TEXT)
    else if (typeof value === 'boolean' || (typeof value === 'number' && Number.isFinite(value))) kept[key] = value
  }
  return kept
}
