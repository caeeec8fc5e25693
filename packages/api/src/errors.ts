import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `api`: what the client itself finds; other codes come from the server. */
export const apiErrors = {
  SHOAL_API_UNREACHABLE: {
    message: 'No answer from {url}: {reason}.',
    hint: 'Check the address and that the service runs there (GET /healthz answers without a token).',
  },
  SHOAL_API_TIMEOUT: {
    message: '{url} did not answer within {timeoutMs} ms.',
    hint: "Try again; if it stays so, look at the service's log and load.",
  },
  SHOAL_API_PROTOCOL: {
    message: 'The answer of {url} is not one of the Shoal API: {reason}.',
    hint: 'Check that the address is that of a Shoal service of the same version, with no proxy in between that changes answers.',
  },
  SHOAL_API_STREAM_CUT: {
    message: 'The event stream of {url} was cut: {reason}.',
    hint: 'Connect again and read on after the last event.',
  },
} as const satisfies ErrorTable

export const apiError = errorFactory(apiErrors)
