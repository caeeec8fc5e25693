import type { Clock, Logger } from '@shoal/core'
import type { GlanceClient } from '@shoal/openstack'
import { HttpSessions } from '@shoal/service'
import type { BootWishes } from '../boots/boot-wish.ts'
import type { SeedConfig } from '../config.ts'
import type { ImageLooks } from '../images/image-looks.ts'
import type { SeedSecrets } from '../open-secrets.ts'
import type { SeedFleet } from '../seed-fleet.ts'
import { AuditLog } from './audit-log.ts'
import { ImageRights } from './image-rights.ts'
import { NamedTokens } from './named-tokens.ts'
import { NodePurpose } from './node-purpose.ts'
import { openKeystone } from './open-keystone.ts'

export interface AccessDeps extends Pick<SeedFleet, 'state' | 'journal' | 'catalogue' | 'assignments'> {
  readonly library: GlanceClient
  readonly looks: ImageLooks
  readonly wishes: BootWishes
  readonly clock: Clock
  readonly logger: Logger
  /** Closes what is opened. */
  readonly stack: AsyncDisposableStack
}

/** Who may do what, and who did. */
export interface Access {
  readonly tokens: ConstructorParameters<typeof NamedTokens>[1]
  readonly credentials: NamedTokens
  readonly sessions: HttpSessions
  readonly audit: AuditLog
  /** Of a cloud whose users may ask. */
  readonly cloud: ReturnType<typeof openKeystone>
  readonly rights: ImageRights
  readonly purpose: NodePurpose
}

/** `hasCertificates`: nodes are known by them and need no token; theirs opens what services read. */
export async function openAccess(
  { access, audit: audited }: Pick<SeedConfig, 'access' | 'audit'>,
  { operatorToken, nodeToken, viewerToken, sessionSecret }: Omit<SeedSecrets, 'keys'>,
  deps: AccessDeps,
  { hasCertificates }: { hasCertificates: boolean },
): Promise<Access> {
  const { state, journal, catalogue, assignments, library, looks, wishes, clock, stack } = deps
  const logger = deps.logger.child({ component: 'access' })
  const nodeRole = hasCertificates ? ('service' as const) : ('node' as const)
  const tokens = { operator: operatorToken, node: nodeToken, viewer: viewerToken, nodeRole }
  const credentials = new NamedTokens({ state, journal, clock }, tokens)
  const audit = new AuditLog({ state, clock, logger: deps.logger.child({ component: 'audit' }) }, audited)
  for (const part of [credentials, audit]) await part.open()
  stack.defer(() => audit.flush())
  const cloud = openKeystone(access.keystone, { clock, logger })
  if (cloud !== undefined) stack.defer(() => cloud.close())
  const rights = new ImageRights({ library, catalogue, clock, logger }, { cacheMs: access.imageCacheMs })
  const purpose = new NodePurpose({ catalogue, looks, assignments, wishes, rights }, access)
  const sessions = new HttpSessions({ credentials, secret: sessionSecret }, () => clock.now())
  return { tokens, credentials, sessions, audit, cloud, rights, purpose }
}
