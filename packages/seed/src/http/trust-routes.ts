import { JOIN_TOKEN_LIFETIME_SECONDS, type JoinToken, operations } from '@shoal/api'
import { errorCode } from '@shoal/core'
import { type HttpApp, registerOperation } from '@shoal/service'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { JoinTokenRecord } from '../trust/join-tokens.ts'
import type { SeedTrust } from '../trust/open-trust.ts'

export interface TrustRoutesDeps {
  /** None where nodes are known by a token alone: then these operations refuse. */
  readonly trust: SeedTrust | undefined
  readonly journal: Pick<EventJournal, 'append'>
}

export function addTrustRoutes(app: HttpApp, deps: TrustRoutesDeps): void {
  const { journal } = deps
  const need = (): SeedTrust => {
    if (deps.trust === undefined) throw seedError('SHOAL_TRUST_OFF')
    return deps.trust
  }

  registerOperation(app, operations.join, async ({ body, request }) => {
    const { nodes, refusals } = need()
    // A token that crossed the network in the clear is not secret any more.
    if (request.protocol !== 'https') throw seedError('SHOAL_JOIN_TLS')
    try {
      return await nodes.join(body)
    } catch (error) {
      const code = errorCode(error) ?? 'none'
      const reason = String((error as { details?: { reason?: unknown } }).details?.reason ?? '')
      refusals.note({ code, node: undefined, operation: 'join', address: request.ip }, { claimed: body.node, reason })
      throw error
    }
  })
  registerOperation(app, operations.renewCredential, ({ node, params, body }) => {
    const { nodes } = need()
    if (node === undefined) throw seedError('SHOAL_CREDENTIAL_SENDER', { node: params.node })
    return nodes.renew(node, body.request)
  })
  registerOperation(app, operations.revokeNode, async ({ params, actor }) => {
    const { revocations, own } = need()
    const entry = await revocations.revoke(params.node)
    own.trust.setRevocations(revocations.list)
    const until = new Date(entry.until).toISOString()
    const message = `The certificates that node ${params.node} has are revoked.`
    await journal.append([{ type: 'node.revoked', actor, node: params.node, message, details: { until } }])
    return { node: params.node, until }
  })
  registerOperation(app, operations.listRevocations, () => {
    const { revision, nodes, serials } = need().revocations.list
    const shown = nodes.map(({ node, until }) => ({ node, until: new Date(until).toISOString() }))
    return { revision, nodes: shown, serials: [...serials] }
  })
  registerOperation(app, operations.createJoinToken, async ({ body, actor }) => {
    const { tokens, nodes } = need()
    const { node = null, lifetimeSeconds = JOIN_TOKEN_LIFETIME_SECONDS.default } = body
    const options = { authority: nodes.authority.fingerprint, node, lifetimeMs: lifetimeSeconds * 1000 }
    const created = await tokens.create(options)
    const shown = view(created)
    const message = `A join token for ${node === null ? 'any node' : `node ${node}`} was made; it is good until ${shown.expiresAt}.`
    const about = node === null ? {} : { node }
    await journal.append([{ type: 'join-token.created', actor, message, details: { token: created.id }, ...about }])
    return { ...shown, token: created.text }
  })
  registerOperation(app, operations.listJoinTokens, () => ({ tokens: need().tokens.list().map(view) }))
  registerOperation(app, operations.revokeJoinToken, async ({ params, actor }) => {
    if (!(await need().tokens.remove(params.token))) throw seedError('SHOAL_JOIN_TOKEN_UNKNOWN', params)
    const message = `Join token ${params.token} was taken back.`
    await journal.append([{ type: 'join-token.revoked', actor, message, details: { token: params.token } }])
    return undefined
  })
}

function view({ id, node, createdAt, expiresAt }: JoinTokenRecord): JoinToken {
  return { id, node, createdAt: new Date(createdAt).toISOString(), expiresAt: new Date(expiresAt).toISOString() }
}
