import { operations, type SignIn } from '@shoal/api'
import type { Clock } from '@shoal/core'
import { Secret } from '@shoal/openstack'
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
import type { KeystoneSignIn, OpenedSession } from '../access/keystone-sign-in.ts'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'

export interface SessionRoutesDeps {
  readonly sessions: HttpSessions
  readonly credentials: Credentials
  /** Where a Keystone is asked. */
  readonly cloud: KeystoneSignIn | undefined
  readonly journal: Pick<EventJournal, 'append'>
  readonly clock: Pick<Clock, 'now'>
}

export function addSessionRoutes(app: HttpApp, deps: SessionRoutesDeps): void {
  const { sessions, cloud, journal, clock } = deps
  const failures = app.getDecorator<FailedSignIns>('failedSignIns')
  registerOperation(app, operations.showSignIn, () => ({ cloud: cloud !== undefined }))
  registerOperation(app, operations.signIn, async ({ body, request, reply, signal }) => {
    failures.check(request.ip)
    const opened = await openSession(body, deps, signal)
    if (opened === undefined) {
      failures.note(request.ip)
      throw seedError(body.token === undefined ? 'SHOAL_SESSION_CREDENTIALS' : 'SHOAL_SESSION_TOKEN')
    }
    const { role, actor, value, expiresAt } = opened
    request.actor = actor
    const lifetimeMs = expiresAt - clock.now()
    reply.header('set-cookie', sessionCookie(value, { isSecure: isSecure(request), lifetimeMs }))
    const message = `${actor} (${role}) signed in to the dashboard from ${request.ip}.`
    await journal.append([{ type: 'session.opened', actor, message, details: { role, address: request.ip } }])
    return { role, actor, expiresAt: new Date(expiresAt).toISOString() }
  })
  registerOperation(app, operations.showSession, ({ role, actor, request }) => {
    const { authorization, cookie, 'x-auth-token': cloudToken } = request.headers
    const isByCookie = authorization === undefined && cloudToken === undefined
    const session = isByCookie ? (cloud?.sessions.find(cookie) ?? sessions.find(cookie)) : undefined
    const expiresAt = session === undefined ? null : new Date(session.expiresAt).toISOString()
    // The operation is for readers and above, all of whom are persons.
    return { role: role as 'reader', actor, expiresAt }
  })
  registerOperation(app, operations.signOut, async ({ request, reply }) => {
    const { cookie } = request.headers
    request.actor = cloud?.sessions.find(cookie)?.actor ?? sessions.find(cookie)?.actor ?? request.actor
    cloud?.sessions.end(cookie)
    sessions.end(cookie)
    reply.header('set-cookie', sessionCookie('', { isSecure: isSecure(request) }))
    return undefined
  })
}

/** `undefined`: nobody vouches for what was given. Throws the errors of {@link KeystoneSignIn} and `SHOAL_SESSION_NO_KEYSTONE`. */
async function openSession(
  { token, cloudToken, cloud: given }: SignIn,
  { sessions, credentials, cloud }: SessionRoutesDeps,
  signal: AbortSignal,
): Promise<OpenedSession | undefined> {
  if (token !== undefined) {
    const credential = credentials.byToken(token)
    const role = credential?.role
    if (credential === undefined || role === undefined || !isPerson(role)) return undefined
    return sessions.open({ ...credential, role })
  }
  if (cloud === undefined) throw seedError('SHOAL_SESSION_NO_KEYSTONE')
  if (cloudToken !== undefined) return cloud.byToken(cloudToken)
  return given && cloud.byPassword({ ...given, password: new Secret(given.password) }, { signal })
}

/** Behind a proxy that speaks TLS the cookie is for TLS alone. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers['x-forwarded-proto'] === 'https'
}
