import { createHash } from 'node:crypto'
import type { PersonRole } from '@shoal/api'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import type { CloudIdentity, TokenCheck } from '@shoal/openstack'
import type { Caller, CloudCallers } from '@shoal/service'
import { seedError } from '../errors.ts'

/** Gives a role here to who has a role there. */
export interface RoleMapping {
  readonly keystoneRole: string
  /** An id, or `name@domain`; `null`: any project; `system`: the scope of the whole cloud. */
  readonly project: string | null
  readonly role: PersonRole
}

export interface KeystoneCallersDeps {
  readonly check: Pick<TokenCheck, 'identify'>
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
}

/** Who holds a token, and until when it holds: Unix time in milliseconds. */
export interface TokenHolder {
  readonly caller: Caller
  readonly expiresAt: number
}

interface Known extends TokenHolder {
  readonly until: number
}

const MAX_KNOWN = 1000
/** Tokens that Keystone is asked about at once. */
const MAX_ASKED = 64
const MAX_NAME_CHARS = 120
const RANK: Readonly<Record<PersonRole, number>> = { admin: 3, operator: 2, reader: 1 }

/**
 * Callers whom Keystone vouches for. What it said holds for a short time, and never longer than the token: so long a
 * token that was revoked is still taken.
 */
export class KeystoneCallers implements CloudCallers {
  readonly #deps: KeystoneCallersDeps
  readonly #options: { readonly cacheMs: number; readonly roles: readonly RoleMapping[] }
  /** By SHA-256 of the token, so that memory holds none. */
  readonly #known = new Map<string, Known>()
  readonly #asked = new Map<string, Promise<TokenHolder | undefined>>()

  constructor(deps: KeystoneCallersDeps, options: { cacheMs: number; roles: readonly RoleMapping[] }) {
    this.#deps = deps
    this.#options = options
  }

  /** Rejects with `SHOAL_ACCESS_KEYSTONE` when Keystone cannot say. */
  async find(token: string): Promise<Caller | undefined> {
    return (await this.holderOf(token))?.caller
  }

  /** The same, with the token's end. */
  async holderOf(token: string): Promise<TokenHolder | undefined> {
    const key = createHash('sha256').update(token).digest('base64')
    const known = this.#known.get(key)
    if (known !== undefined && known.until > this.#deps.clock.now()) return known
    this.#known.delete(key)
    const asked = this.#asked.get(key)
    if (asked !== undefined) return asked
    if (this.#asked.size >= MAX_ASKED) {
      throw seedError('SHOAL_ACCESS_KEYSTONE', { reason: `it is asked about ${MAX_ASKED} tokens already` })
    }
    const asking = this.#ask(key, token).finally(() => this.#asked.delete(key))
    this.#asked.set(key, asking)
    return asking
  }

  async #ask(key: string, token: string): Promise<TokenHolder | undefined> {
    const { check, clock, logger } = this.#deps
    let identity: CloudIdentity | undefined
    try {
      identity = await check.identify(token)
    } catch (error) {
      logger.warn({ reason: errorMessage(error) }, 'Keystone cannot say whose a token is')
      throw seedError('SHOAL_ACCESS_KEYSTONE', { reason: errorMessage(error) }, error)
    }
    const now = clock.now()
    if (identity === undefined || identity.expiresAt <= now) return undefined
    const { expiresAt } = identity
    const holder = { caller: this.#callerOf(identity), expiresAt }
    this.#known.set(key, { ...holder, until: Math.min(now + this.#options.cacheMs, expiresAt) })
    const [oldest] = this.#known.keys()
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest)
    return holder
  }

  #callerOf(identity: CloudIdentity): Caller {
    const { user } = identity
    const name = `${user.name}@${user.domain}`.replaceAll(/[^\x20-\x7e]/g, '?').slice(0, MAX_NAME_CHARS)
    const roles = this.#options.roles.filter((mapping) => isMeant(mapping, identity)).map(({ role }) => role)
    const [role] = roles.sort((a, b) => RANK[b] - RANK[a])
    // Somebody, who may do nothing here: that is told apart from nobody.
    return { role: role ?? 'public', actor: `user:${name}` }
  }
}

function isMeant({ keystoneRole, project }: RoleMapping, identity: CloudIdentity): boolean {
  // Keystone takes names of roles without regard to case.
  if (!identity.roles.some((role) => role.toLowerCase() === keystoneRole.toLowerCase())) return false
  if (project === 'system') return identity.isSystem
  if (identity.project === undefined) return false
  const { id, name, domain } = identity.project
  return project === null || project === id || project === `${name}@${domain}`
}
