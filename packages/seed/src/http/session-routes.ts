import { operations } from '@shoal/api'
import {
  type Credentials,
  type FailedSignIns,
  type HttpApp,
  type HttpSessions,
  isPerson,
  registerOperation,
  sessionCookie,
} from '@shoal/service'
import type { FastifyRequest } from 'fastify'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'

export interface SessionRoutesDeps {
  readonly sessions: HttpSessions
  readonly credentials: Credentials
  readonly journal: Pick<EventJournal, 'append'>
}

export function addSessionRoutes(app: HttpApp, { sessions, credentials, journal }: SessionRoutesDeps): void {
  const failures = app.getDecorator<FailedSignIns>('failedSignIns')
  registerOperation(app, operations.signIn, async ({ body, request, reply }) => {
    failures.check(request.ip)
    const credential = credentials.byToken(body.token)
    const role = credential?.role
    if (credential === undefined || role === undefined || !isPerson(role)) {
      failures.note(request.ip)
      throw seedError('SHOAL_SESSION_TOKEN')
    }
    const { value, actor, expiresAt } = sessions.open({ ...credential, role })
    request.actor = actor
    reply.header('set-cookie', sessionCookie(value, { isSecure: isSecure(request) }))
    const message = `${actor} (${role}) signed in to the dashboard from ${request.ip}.`
    await journal.append([{ type: 'session.opened', actor, message, details: { role, address: request.ip } }])
    return { role, actor, expiresAt: new Date(expiresAt).toISOString() }
  })
  registerOperation(app, operations.showSession, ({ role, actor, request }) => {
    const { authorization, cookie, 'x-auth-token': cloudToken } = request.headers
    const isByCookie = authorization === undefined && cloudToken === undefined
    const session = isByCookie ? sessions.find(cookie) : undefined
    const expiresAt = session === undefined ? null : new Date(session.expiresAt).toISOString()
    // The operation is for readers and above, all of whom are persons.
    return { role: role as 'reader', actor, expiresAt }
  })
  registerOperation(app, operations.signOut, async ({ request, reply }) => {
    request.actor = sessions.find(request.headers.cookie)?.actor ?? request.actor
    sessions.end(request.headers.cookie)
    reply.header('set-cookie', sessionCookie('', { isSecure: isSecure(request) }))
    return undefined
  })
}

/** Behind a proxy that speaks TLS the cookie is for TLS alone. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https'
}
