import { parseNodeId } from '@shoal/core'

/** Who a certificate speaks for. */
export interface Identity {
  readonly role: 'node' | 'seed'
  /** Name of the node, or of the seed. */
  readonly name: string
}

/** What separates clusters that share one authority: part of every identity. */
export const DEFAULT_TRUST_DOMAIN = 'shoal'
export const TRUST_DOMAIN = /^[a-z0-9][a-z0-9.-]{0,252}$/

const PATH = /^spiffe:\/\/([^/?#]{1,253})\/(node|seed)\/([^/?#]{1,253})$/

/** An identity as certificates carry it: a SPIFFE ID, `spiffe://DOMAIN/node/NAME` or `spiffe://DOMAIN/seed/NAME`. */
export function identityUri(domain: string, { role, name }: Identity): string {
  return `spiffe://${domain}/${role}/${name}`
}

/** The identity that a URI stands for, if it is one of this domain. */
export function parseIdentityUri(uri: string, domain: string): Identity | undefined {
  const [, of, role, name = ''] = PATH.exec(uri) ?? []
  if (of !== domain || (role !== 'node' && role !== 'seed')) return undefined
  try {
    return { role, name: parseNodeId(name) }
  } catch {
    return undefined
  }
}
