import type { Client, ErrorBody } from '@shoal/api'
import { operationPaths } from './operation-paths.ts'

type Used = keyof typeof operationPaths

interface AnyCall {
  readonly params?: Readonly<Record<string, unknown>>
  readonly query?: Readonly<Record<string, unknown>>
  readonly body?: unknown
  readonly signal?: AbortSignal | undefined
}

const TIMEOUT_MS = 30_000
/** No page of another site can send it, so it shows that a request comes from here. */
const OWN_PAGE = { 'x-shoal-session': 'dashboard' }

/** An answer that is an error: the service's own code, message and advice. */
export class CallError extends Error {
  readonly code: string
  readonly hint: string
  readonly status: number

  constructor({ code, message, hint }: Pick<ErrorBody, 'code' | 'message' | 'hint'>, status: number) {
    super(message)
    this.code = code
    this.hint = hint
    this.status = status
  }
}

/** Calls an operation of the API, with the session's cookie. Throws `CallError`, and the signal's reason when aborted. */
export async function call<Id extends Used>(
  id: Id,
  ...[options]: Parameters<Client[Id]>
): Promise<Awaited<ReturnType<Client[Id]>>> {
  return (await request(operationPaths[id], (options ?? {}) as AnyCall)) as Awaited<ReturnType<Client[Id]>>
}

async function request(operation: string, { params = {}, query = {}, body, signal }: AnyCall): Promise<unknown> {
  const [method = 'GET', path = ''] = operation.split(' ')
  const filled = path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(params[name])))
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
  const timeout = AbortSignal.timeout(TIMEOUT_MS)
  const response = await fetch(`${filled}${search.size > 0 ? `?${search}` : ''}`, {
    method,
    headers: {
      accept: 'application/json',
      ...OWN_PAGE,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
    },
    body: body === undefined ? null : JSON.stringify(body),
    signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
  }).catch((error: unknown) => {
    if (signal?.aborted === true) throw error
    throw noAnswer(0)
  })
  if (response.status === 204) return undefined
  const answer = (await response.json().catch(() => undefined)) as { error?: ErrorBody } | undefined
  if (response.ok) return answer
  throw answer?.error === undefined ? noAnswer(response.status) : new CallError(answer.error, response.status)
}

function noAnswer(status: number): CallError {
  const message = status === 0 ? 'The seed does not answer.' : `The seed answers with status ${status}.`
  return new CallError(
    { code: 'SHOAL_API_UNREACHABLE', message, hint: 'Look whether it runs, then try again.' },
    status,
  )
}
