import type { X509Certificate } from 'node:crypto'
import type { Identity } from './identity.ts'

/** What is revoked, as seed and nodes tell each other. */
export interface RevocationList {
  /** Grows with each change. */
  readonly revision: number
  readonly nodes: readonly NodeRevocation[]
  /** Serial numbers of single certificates, hexadecimal, upper case: those of an operator's revocation list. */
  readonly serials: readonly string[]
}

/** Every certificate of a node that began to hold at this time or before it. */
export interface NodeRevocation {
  readonly node: string
  /** Milliseconds since the epoch. */
  readonly until: number
}

export const NO_REVOCATIONS: RevocationList = { revision: 0, nodes: [], serials: [] }

/** A revocation list as it is asked: once for each connection. */
export class Revocations {
  readonly list: RevocationList
  readonly #until: ReadonlyMap<string, number>
  readonly #serials: ReadonlySet<string>

  constructor(list: RevocationList = NO_REVOCATIONS) {
    this.list = list
    this.#until = new Map(list.nodes.map(({ node, until }) => [node, until]))
    this.#serials = new Set(list.serials)
  }

  /** Whether a certificate that speaks for `identity` is revoked. A seed's is by its serial number alone. */
  includes({ role, name }: Identity, certificate: X509Certificate): boolean {
    if (this.#serials.has(certificate.serialNumber.toUpperCase())) return true
    const until = role === 'node' ? this.#until.get(name) : undefined
    return until !== undefined && certificate.validFromDate.getTime() <= until
  }
}
