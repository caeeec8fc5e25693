import type { CloudSessions } from './cloud-sessions.ts'
import type { Credentials, PersonRole } from './credentials.ts'
import { serviceError } from './errors.ts'
import type { FailedSignIns } from './failed-sign-ins.ts'
import type { CertificateHolder } from './http-node-listener.ts'
import type { HttpSessions } from './http-session.ts'

/**
 * Who may call: anyone; a service of the cloud that reads numbers; a node, about itself alone if it is known by its certificate (or an operator); or
 * somebody of this role or a higher one.
 */
export type Role = 'public' | 'service' | 'node' | PersonRole

/** Who called: the role, and the name that journals tell. */
export interface Caller {
  readonly role: Role
  /** `token:NAME`, `user:NAME`, `node:NAME`, or `anonymous`. */
  readonly actor: string
  /** The token of a user of the cloud, by which the user was identified: what else the user may have is asked with it. */
  readonly cloudToken?: string | undefined
}

/** What a request shows of its caller. */
export interface RequestFacts {
  /** Its `Authorization` header. */
  readonly authorization: string | undefined
  /** Its `X-Auth-Token` header. */
  readonly cloudToken: string | undefined
  readonly cookie: string | undefined
  readonly method: string
  /** Whether the request names the header that only our own pages can send. */
  readonly isOwnPage: boolean
  /** Where it came from. */
  readonly address: string
  /** Whose certificate it showed. */
  readonly holder?: CertificateHolder | undefined
}

/** Callers whom an identity service outside vouches for. */
export interface CloudCallers {
  /** The caller with this token; `undefined` when it is not valid or has no role here. Rejects when nobody can say. */
  find(token: string): Promise<Caller | undefined>
}

export interface IdentifierDeps {
  readonly credentials: Credentials
  readonly sessions?: HttpSessions | undefined
  readonly cloudSessions?: CloudSessions | undefined
  readonly cloud?: CloudCallers | undefined
  readonly failures: FailedSignIns
}

export const ANONYMOUS = 'anonymous'
const MAY: Readonly<Record<Role, readonly Role[]>> = {
  public: [],
  service: ['service'],
  node: ['node', 'service'],
  reader: ['reader', 'service'],
  operator: ['operator', 'reader', 'node', 'service'],
  admin: ['admin', 'operator', 'reader', 'node', 'service'],
}

/** Throws `SHOAL_HTTP_FORBIDDEN` unless a caller may do what needs a role. */
export function checkRole({ role, actor }: Caller, needed: Role): void {
  if (!MAY[role].includes(needed)) throw serviceError('SHOAL_HTTP_FORBIDDEN', { role: needed, actor })
}

/** A node acts for itself alone: throws `SHOAL_HTTP_OTHER_NODE` when a request of a certificate's holder is about another. */
export function checkSubject(holder: CertificateHolder | undefined, subject: unknown): void {
  if (holder === undefined || subject === undefined || subject === holder.name) return
  throw serviceError('SHOAL_HTTP_OTHER_NODE', { node: holder.name, other: String(subject).slice(0, 253) })
}

/**
 * Makes the function that says who sent a request. It throws `SHOAL_HTTP_UNAUTHORIZED` without a valid token or session,
 * `SHOAL_HTTP_FAILURES` when too many such requests came from the address.
 */
export function createIdentifier(deps: IdentifierDeps): (facts: RequestFacts) => Promise<Caller> {
  return async (facts) => {
    const caller = await findCaller(facts, deps)
    if (caller !== undefined) return caller
    deps.failures.note(facts.address)
    throw serviceError('SHOAL_HTTP_UNAUTHORIZED')
  }
}

/**
 * Makes the function that says whether a request that was let in would be let in now, as the same caller. It rejects when nobody can say. Whoever showed a
 * certificate is looked at by the listener that took it.
 */
export function createRecheck(
  deps: Omit<IdentifierDeps, 'failures'>,
): (facts: RequestFacts, before: Caller, needed: Role) => Promise<boolean> {
  return async (facts, before, needed) => {
    const caller = await findCaller(facts, deps)
    return caller !== undefined && caller.actor === before.actor && MAY[caller.role].includes(needed)
  }
}

/** A token that is wrong is not made good by another or by a cookie. */
async function findCaller(
  facts: RequestFacts,
  deps: Omit<IdentifierDeps, 'failures'> & Partial<Pick<IdentifierDeps, 'failures'>>,
): Promise<Caller | undefined> {
  const { authorization, cloudToken, method, isOwnPage, cookie, address, holder } = facts
  if (authorization !== undefined) {
    const token = /^Bearer +([^\s]{1,1000}) *$/i.exec(authorization)?.[1]
    const credential = token === undefined ? undefined : deps.credentials.byToken(token)
    return credential === undefined ? undefined : { role: credential.role, actor: `token:${credential.name}` }
  }
  if (cloudToken !== undefined) {
    if (deps.cloud === undefined) return undefined
    // Each check may cost a request to the identity service.
    deps.failures?.check(address)
    return await findCloudCaller(cloudToken, deps.cloud)
  }
  if (holder !== undefined) return holder.role === 'node' ? { role: 'node', actor: `node:${holder.name}` } : undefined
  if (method !== 'GET' && !isOwnPage) return undefined
  const session = deps.cloudSessions?.find(cookie)
  if (session !== undefined && deps.cloud !== undefined) return await findCloudCaller(session.token, deps.cloud)
  return deps.sessions?.find(cookie)
}

async function findCloudCaller(cloudToken: string, cloud: CloudCallers): Promise<Caller | undefined> {
  const caller = await cloud.find(cloudToken)
  return caller && { ...caller, cloudToken }
}
