import type { FastifyReply, FastifyRequest } from 'fastify'

/** A request that changed something or wanted to, or was refused because of who sent it. */
export interface AuditFact {
  /** Unix time in milliseconds. */
  readonly at: number
  /** `token:NAME`, `user:NAME`, or `anonymous` when nobody could tell. */
  readonly actor: string
  /** Id of the operation; `none` where there is none. */
  readonly action: string
  /** The parameters of its path, as `name=value`. */
  readonly subject: string
  readonly outcome: 'done' | 'refused' | 'failed'
  readonly status: number
  /** Of the error that it was answered with. */
  readonly code: string | null
  readonly address: string
  readonly requestId: string
}

const REFUSED: ReadonlySet<number> = new Set([401, 403, 429])
const MAX_SUBJECT_CHARS = 500

/**
 * What an audit log is to hold of a request: whatever people and pipelines change, and every refusal. Not what nodes say of
 * themselves all the time, nor what somebody reads.
 */
export function auditFact(request: FastifyRequest, reply: FastifyReply, now: number): AuditFact | undefined {
  const { statusCode: status } = reply.raw
  const isRefused = REFUSED.has(status)
  const { role, operation = 'none' } = request.routeOptions.config ?? {}
  const isChange = request.method !== 'GET' && request.role !== 'node' && role !== undefined
  if (!isRefused && !isChange) return undefined
  const subject = Object.entries((request.params ?? {}) as Record<string, unknown>)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ')
  return {
    at: now,
    actor: request.actor,
    action: operation,
    subject: subject.slice(0, MAX_SUBJECT_CHARS),
    outcome: isRefused ? 'refused' : status < 400 ? 'done' : 'failed',
    status,
    code: request.errorCode,
    address: request.ip,
    requestId: request.id,
  }
}
