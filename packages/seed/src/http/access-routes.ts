import { operations, PAGE_LIMIT } from '@shoal/api'
import { type HttpApp, registerOperation } from '@shoal/service'
import type { AuditLog } from '../access/audit-log.ts'
import type { NamedTokens } from '../access/named-tokens.ts'

export interface AccessRoutesDeps {
  readonly tokens: Pick<NamedTokens, 'list' | 'create' | 'revoke'>
  readonly audit: Pick<AuditLog, 'list'>
}

export function addAccessRoutes(app: HttpApp, { tokens, audit }: AccessRoutesDeps): void {
  registerOperation(app, operations.listTokens, () => ({ tokens: tokens.list() }))
  registerOperation(app, operations.createToken, ({ body, actor }) => tokens.create(body, actor))
  registerOperation(app, operations.revokeToken, async ({ params, actor }) => {
    await tokens.revoke(params.token, actor)
    return undefined
  })
  registerOperation(app, operations.listAudit, async ({ query }) => ({
    entries: await audit.list({ ...query, limit: query.limit ?? PAGE_LIMIT.default }),
  }))
}
