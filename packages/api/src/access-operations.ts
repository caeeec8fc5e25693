import { Type } from 'typebox'
import { AUDIT_OUTCOMES, AuditEntry, CreatedToken, Token, TokenRequest, tokenName } from './access.ts'
import { actorFilter } from './actor.ts'
import { count } from './field.ts'
import type { Operation } from './operation.ts'
import { limit, strict } from './page-fields.ts'

/** Who may do what, and who did. */
export const accessOperations = {
  listTokens: {
    id: 'listTokens',
    method: 'GET',
    path: '/v1/tokens',
    role: 'admin',
    tag: 'access',
    summary: 'Lists the tokens, without their secrets.',
    response: Type.Object({ tokens: Type.Array(Token) }),
  },
  createToken: {
    id: 'createToken',
    method: 'POST',
    path: '/v1/tokens',
    role: 'admin',
    tag: 'access',
    summary: 'Makes a token with a role; the answer shows it this once.',
    body: TokenRequest,
    response: CreatedToken,
    status: 201,
  },
  revokeToken: {
    id: 'revokeToken',
    method: 'DELETE',
    path: '/v1/tokens/{token}',
    role: 'admin',
    tag: 'access',
    summary: 'Revokes a token that was made over the API; it and the sessions it opened end at once.',
    params: Type.Object({ token: tokenName('Name of a token.') }, strict),
    status: 204,
  },
  listAudit: {
    id: 'listAudit',
    method: 'GET',
    path: '/v1/audit',
    role: 'admin',
    tag: 'access',
    summary: 'Lists who changed what over the API and who was refused, the oldest first.',
    query: Type.Object(
      {
        after: Type.Optional(count('Only entries with a higher id.')),
        limit,
        actor: actorFilter,
        outcome: Type.Optional(Type.Enum([...AUDIT_OUTCOMES], { description: 'Only what ended so.' })),
      },
      strict,
    ),
    response: Type.Object({ entries: Type.Array(AuditEntry) }),
  },
} as const satisfies Record<string, Operation>
