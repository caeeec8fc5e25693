import { errorMessage, type Logger } from '@shoal/core'
import type { UserCredentials } from '@shoal/openstack'
import { type Caller, type CloudSessions, isPerson, type PersonRole } from '@shoal/service'
import { seedError } from '../errors.ts'
import type { KeystoneCallers } from './keystone-callers.ts'

export interface KeystoneSignInDeps {
  readonly callers: Pick<KeystoneCallers, 'holderOf'>
  readonly sessions: CloudSessions
  /** Asks Keystone for a token; `undefined` when it does not take the credentials. */
  readonly issueToken: (credentials: UserCredentials, options: { signal: AbortSignal }) => Promise<string | undefined>
  readonly logger: Logger
}

/** A session that was opened, with its cookie. */
export interface OpenedSession {
  readonly role: PersonRole
  readonly actor: string
  readonly value: string
  readonly expiresAt: number
}

/** Passwords that Keystone is asked about at once; it takes a while over each, by design. */
const MAX_ASKED = 16

/** Signs browsers in as users of the cloud. A password is sent to Keystone and forgotten; what is kept is the token, in memory. */
export class KeystoneSignIn {
  readonly #deps: KeystoneSignInDeps
  #asked = 0

  constructor(deps: KeystoneSignInDeps) {
    this.#deps = deps
  }

  /** The session that a cookie names, while it holds. */
  get sessions(): CloudSessions {
    return this.#deps.sessions
  }

  /** `undefined` when Keystone does not take the credentials. Throws as {@link byToken}. */
  async byPassword(
    credentials: UserCredentials,
    { signal }: { signal: AbortSignal },
  ): Promise<OpenedSession | undefined> {
    if (this.#asked >= MAX_ASKED) {
      throw seedError('SHOAL_ACCESS_KEYSTONE', { reason: `it is asked about ${MAX_ASKED} passwords already` })
    }
    this.#asked += 1
    let token: string | undefined
    try {
      token = await this.#deps.issueToken(credentials, { signal })
    } catch (error) {
      this.#deps.logger.warn({ reason: errorMessage(error) }, 'Keystone cannot be asked to sign somebody in')
      throw seedError('SHOAL_ACCESS_KEYSTONE', { reason: errorMessage(error) }, error)
    } finally {
      this.#asked -= 1
    }
    return token === undefined ? undefined : this.byToken(token)
  }

  /** `undefined` when Keystone does not know the token. Throws `SHOAL_ACCESS_KEYSTONE` when it cannot say, `SHOAL_SESSION_ROLE`. */
  async byToken(token: string): Promise<OpenedSession | undefined> {
    const holder = await this.#deps.callers.holderOf(token)
    if (holder === undefined) return undefined
    const { actor, role } = checkPerson(holder.caller)
    return { role, actor, ...this.#deps.sessions.open({ token, actor, expiresAt: holder.expiresAt }) }
  }
}

function checkPerson({ actor, role }: Caller): { actor: string; role: PersonRole } {
  if (role === 'public' || !isPerson(role)) throw seedError('SHOAL_SESSION_ROLE', { actor })
  return { actor, role }
}
