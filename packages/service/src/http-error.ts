import { errorCode, ShoalError } from '@shoal/core'
import { Type } from 'typebox'
import { serviceError } from './errors.ts'

/** HTTP status of each code that a service may answer with. */
export type StatusByCode = Readonly<Record<string, number>>

/** Schema of every answer that is an error, for the reference. */
export const errorAnswer = Type.Object(
  {
    error: Type.Object({
      code: Type.String({ description: 'Stable code, SHOAL_<AREA>_<REASON>.' }),
      message: Type.String({ description: 'What went wrong, for people.' }),
      hint: Type.String({ description: 'What to do next, for people.' }),
      details: Type.Record(Type.String(), Type.Unknown(), { description: 'The facts behind the message.' }),
    }),
  },
  { description: 'The request failed.' },
)

const SERVICE_STATUS: StatusByCode = {
  SHOAL_HTTP_INVALID: 400,
  SHOAL_HTTP_UNAUTHORIZED: 401,
  SHOAL_HTTP_FORBIDDEN: 403,
  SHOAL_HTTP_FAILURES: 429,
  SHOAL_HTTP_RATE: 429,
  SHOAL_HTTP_OTHER_NODE: 403,
  SHOAL_HTTP_NOT_FOUND: 404,
  SHOAL_HTTP_TOO_LARGE: 413,
  SHOAL_HTTP_MEDIA_TYPE: 415,
  SHOAL_HTTP_BUSY: 503,
  SHOAL_HTTP_INTERNAL: 500,
  // Certificates that are nobody's here.
  SHOAL_TRUST_MALFORMED: 401,
  SHOAL_TRUST_UNKNOWN_AUTHORITY: 401,
  SHOAL_TRUST_EXPIRED: 401,
  SHOAL_TRUST_REVOKED: 401,
  SHOAL_TRUST_NAME: 401,
  // Ids in a path that do not parse.
  SHOAL_DIGEST_INVALID: 400,
  SHOAL_NODE_ID_INVALID: 400,
}

/** What fastify throws by itself, and what `Error`s of its plugins look like. */
interface FrameworkError {
  statusCode?: number
  validation?: readonly { instancePath?: string; message?: string }[]
  validationContext?: string
}

/** The error to answer with, and its status, for anything a handler or fastify threw. */
export function toHttpError(
  thrown: unknown,
  context: { requestId: string; limitBytes: number; statusByCode: StatusByCode },
): { status: number; error: ShoalError } {
  const error = thrown instanceof ShoalError ? thrown : fromFramework(thrown, context)
  return { status: context.statusByCode[error.code] ?? SERVICE_STATUS[error.code] ?? 500, error }
}

/** The body of an answer that is an error. */
export function errorBody(error: ShoalError) {
  return { error: { code: error.code, message: error.message, hint: error.hint, details: error.details } }
}

function fromFramework(thrown: unknown, context: { requestId: string; limitBytes: number }): ShoalError {
  const { statusCode, validation, validationContext } = (thrown ?? {}) as FrameworkError
  if (validation !== undefined) {
    const faults = validation.slice(0, 10).map((fault) => `${fault.instancePath ?? ''} ${fault.message ?? ''}`.trim())
    return serviceError(
      'SHOAL_HTTP_INVALID',
      { reason: `${validationContext ?? 'request'}: ${faults.join('; ')}` },
      thrown,
    )
  }
  if (errorCode(thrown) === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return serviceError('SHOAL_HTTP_TOO_LARGE', { limitBytes: context.limitBytes }, thrown)
  }
  if (errorCode(thrown) === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return serviceError('SHOAL_HTTP_MEDIA_TYPE', {}, thrown)
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return serviceError('SHOAL_HTTP_INVALID', { reason: lowerFirst((thrown as Error).message) }, thrown)
  }
  return serviceError('SHOAL_HTTP_INTERNAL', { requestId: context.requestId }, thrown)
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}
