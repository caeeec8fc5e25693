import type { KeyObject } from 'node:crypto'
import type { IssuedCredential } from '@shoal/api'
import type { Clock } from '@shoal/core'
import { type CertificateAuthority, parseJoinToken, readCertificateRequest, toPem } from '@shoal/trust'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'
import type { JoinTokens } from './join-tokens.ts'
import type { RevocationBook } from './revocation-book.ts'

/** Certificates say whole seconds. */
const SECOND_MS = 1000

export interface NodeCredentialsDeps {
  /** None where an operator's authority signs certificates. */
  readonly authority: CertificateAuthority | undefined
  readonly tokens: JoinTokens
  readonly revocations: RevocationBook
  readonly journal: Pick<EventJournal, 'append'>
  readonly clock: Pick<Clock, 'now'>
}

/** Gives nodes their certificates. */
export class NodeCredentials {
  readonly #deps: NodeCredentialsDeps
  readonly #lifetimeMs: number

  constructor(deps: NodeCredentialsDeps, { lifetimeMs }: { lifetimeMs: number }) {
    this.#deps = deps
    this.#lifetimeMs = lifetimeMs
  }

  /** The authority that signs. Throws `SHOAL_JOIN_AUTHORITY` where it is not here. */
  get authority(): CertificateAuthority {
    const { authority } = this.#deps
    if (authority === undefined) throw seedError('SHOAL_JOIN_AUTHORITY')
    return authority
  }

  /** For a join token. Throws `SHOAL_JOIN_REFUSED`, `SHOAL_TRUST_JOIN_TOKEN`, `SHOAL_TRUST_REQUEST` and `SHOAL_JOIN_AUTHORITY`. */
  async join({ token, node, request }: { token: string; node: string; request: string }): Promise<IssuedCredential> {
    const { tokens, journal } = this.#deps
    const { authority } = this
    const given = parseJoinToken(token)
    const publicKey = readCertificateRequest(request)
    await tokens.use(given, node, publicKey)
    const issued = await this.#issue(authority, node, publicKey)
    const message = `Node ${node} joined with token ${given.id}; its certificate holds until ${issued.expiresAt}.`
    await journal.append([{ type: 'node.joined', node, message, details: { token: given.id } }])
    return issued
  }

  /** The successor of a certificate that holds. Throws `SHOAL_TRUST_REQUEST` and `SHOAL_JOIN_AUTHORITY`. */
  async renew(node: string, request: string): Promise<IssuedCredential> {
    return this.#issue(this.authority, node, readCertificateRequest(request))
  }

  async #issue(authority: CertificateAuthority, node: string, publicKey: KeyObject): Promise<IssuedCredential> {
    const { clock, revocations } = this.#deps
    const now = Math.floor(clock.now() / SECOND_MS) * SECOND_MS
    const notBefore = Math.max(now, revocations.earliest(node))
    await revocations.issued(node, notBefore)
    const certificate = authority.issue({
      publicKey,
      identity: { role: 'node', name: node },
      notBefore,
      lifetimeMs: this.#lifetimeMs,
    })
    return {
      chain: toPem([certificate]),
      authorities: toPem([authority.certificate]),
      expiresAt: certificate.validToDate.toISOString(),
    }
  }
}
