import { Type } from 'typebox'
import { nodeId } from './field.ts'
import type { Operation } from './operation.ts'
import { strict } from './page-fields.ts'
import {
  CredentialRequest,
  IssuedCredential,
  JoinRequest,
  JoinToken,
  JoinTokenRequest,
  joinTokenParams,
  MAX_JOIN_TOKENS,
  NewJoinToken,
  NodeRevocation,
  RevocationList,
} from './trust.ts'

const nodeParams = Type.Object({ node: nodeId('Name of a node.') }, strict)

/** How nodes come by their credentials, and how those are taken back. */
export const trustOperations = {
  join: {
    id: 'join',
    method: 'POST',
    path: '/v1/join',
    role: 'public',
    tag: 'trust',
    summary: 'Gives a node its first certificate for a join token, which is used up by it; over TLS alone.',
    body: JoinRequest,
    response: IssuedCredential,
  },
  renewCredential: {
    id: 'renewCredential',
    method: 'POST',
    path: '/v1/nodes/{node}/credential',
    role: 'node',
    tag: 'trust',
    summary: 'Gives a node the successor of its certificate; it shows the one it has.',
    params: nodeParams,
    body: CredentialRequest,
    response: IssuedCredential,
  },
  revokeNode: {
    id: 'revokeNode',
    method: 'DELETE',
    path: '/v1/nodes/{node}/credential',
    role: 'admin',
    tag: 'trust',
    summary: 'Revokes every certificate that a node has: the seed refuses it at once, the other nodes within seconds.',
    params: nodeParams,
    response: NodeRevocation,
  },
  listRevocations: {
    id: 'listRevocations',
    method: 'GET',
    path: '/v1/revocations',
    role: 'node',
    tag: 'trust',
    summary: 'Lists which certificates are refused although their time is not over.',
    response: RevocationList,
  },
  createJoinToken: {
    id: 'createJoinToken',
    method: 'POST',
    path: '/v1/join-tokens',
    role: 'admin',
    tag: 'trust',
    summary: 'Makes a token with which one node joins, once; the answer is the only time that it is shown.',
    body: JoinTokenRequest,
    response: NewJoinToken,
  },
  listJoinTokens: {
    id: 'listJoinTokens',
    method: 'GET',
    path: '/v1/join-tokens',
    role: 'admin',
    tag: 'trust',
    summary: 'Lists join tokens that were neither used nor are over, without their secrets.',
    response: Type.Object({
      tokens: Type.Array(JoinToken, { maxItems: MAX_JOIN_TOKENS, description: 'All of them, the oldest first.' }),
    }),
  },
  revokeJoinToken: {
    id: 'revokeJoinToken',
    method: 'DELETE',
    path: '/v1/join-tokens/{token}',
    role: 'admin',
    tag: 'trust',
    summary: 'Takes a join token back.',
    params: joinTokenParams,
    status: 204,
  },
} as const satisfies Record<string, Operation>
