import { ShoalError } from '@shoal/core'
import type { TSchema } from 'typebox'
import { Compile, type Validator } from 'typebox/compile'
import { ErrorResponse } from './error-body.ts'
import { apiError } from './errors.ts'

/** An answer larger than this is not one of ours: a manifest has at most 128 MiB. */
const MAX_ANSWER_BYTES = 256 * 1024 ** 2

// Compiled checks are some forty times faster than interpreted ones; without `eval` typebox falls back to those by itself.
const errorValidator = Compile(ErrorResponse)
const validators = new WeakMap<TSchema, Validator>()

/** The whole body of an answer, within bounds. */
export async function readBody(response: Response, url: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  const reader = response.body?.getReader()
  while (reader !== undefined) {
    const { done, value: chunk } = await reader.read()
    if (done) break
    sizeBytes += chunk.length
    if (sizeBytes > MAX_ANSWER_BYTES) {
      await reader.cancel().catch(() => {})
      throw protocolError(url, `it is larger than ${MAX_ANSWER_BYTES} bytes`)
    }
    chunks.push(chunk)
  }
  const bytes = new Uint8Array(sizeBytes)
  let offset = 0
  for (const chunk of chunks) {
    bytes.set(chunk, offset)
    offset += chunk.length
  }
  return bytes
}

/** A JSON text that has the given shape. Throws `SHOAL_API_PROTOCOL`. */
export function parseJson(text: string, schema: TSchema | undefined, url: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw protocolError(url, 'it is not JSON', error)
  }
  if (schema !== undefined && !validatorOf(schema).Check(value))
    throw protocolError(url, 'it does not have the shape this version knows')
  return value
}

/** The error of an answer that is one: the server's own, or `SHOAL_API_PROTOCOL` when it is not the API's. */
export async function readError(response: Response, url: string): Promise<ShoalError> {
  let body: unknown
  try {
    body = JSON.parse(new TextDecoder().decode(await readBody(response, url)))
  } catch (error) {
    return protocolError(url, `status ${response.status} without an error of the API`, error)
  }
  if (!errorValidator.Check(body)) return protocolError(url, `status ${response.status} without an error of the API`)
  const { code, message, hint, details } = body.error
  return new ShoalError(code, message, { hint, details })
}

/** The error for an answer that is not one of the API. */
export function protocolError(url: string, reason: string, cause?: unknown): ShoalError {
  return apiError('SHOAL_API_PROTOCOL', { url, reason }, cause)
}

function validatorOf(schema: TSchema): Validator {
  const known = validators.get(schema)
  if (known !== undefined) return known
  const validator = Compile(schema)
  validators.set(schema, validator)
  return validator
}
