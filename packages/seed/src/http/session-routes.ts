import { operations, type Session } from '@shoal/api'
import {
  createTokenCheck,
  type HttpApp,
  type HttpSessions,
  type OpenSession,
  registerOperation,
  sessionCookie,
} from '@shoal/service'
import type { FastifyRequest } from 'fastify'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'

export interface SessionRoutesDeps {
  readonly sessions: HttpSessions
  readonly tokens: { readonly operator: string; readonly viewer: string }
  readonly journal: Pick<EventJournal, 'append'>
}

export function addSessionRoutes(app: HttpApp, { sessions, tokens, journal }: SessionRoutesDeps): void {
  const roleOf = createTokenCheck(tokens)
  registerOperation(app, operations.signIn, async ({ body, request, reply }) => {
    const role = roleOf(`Bearer ${body.token}`)
    if (role !== 'operator' && role !== 'viewer') throw seedError('SHOAL_SESSION_TOKEN')
    const session = sessions.open(role)
    reply.header('set-cookie', sessionCookie(session.value, { isSecure: isSecure(request) }))
    const message = `${role === 'operator' ? 'An operator' : 'A viewer'} signed in to the dashboard from ${request.ip}.`
    await journal.append([
      { type: 'session.opened', actor: `token:${role}`, message, details: { role, address: request.ip } },
    ])
    return shown(session)
  })
  registerOperation(app, operations.showSession, ({ role, request }) => {
    const session = request.headers.authorization === undefined ? sessions.find(request.headers.cookie) : undefined
    if (session !== undefined) return shown(session)
    return { role: role === 'viewer' ? ('viewer' as const) : ('operator' as const), expiresAt: null }
  })
  registerOperation(app, operations.signOut, async ({ request, reply }) => {
    sessions.end(request.headers.cookie)
    reply.header('set-cookie', sessionCookie('', { isSecure: isSecure(request) }))
    return undefined
  })
}

function shown({ role, expiresAt }: OpenSession): Session {
  return { role, expiresAt: new Date(expiresAt).toISOString() }
}

/** Behind a proxy that speaks TLS the cookie is for TLS alone. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https'
}
