import type { X509Certificate } from 'node:crypto'
import { connect } from 'node:tls'
import { createClient } from '@shoal/api'
import type { Clock } from '@shoal/core'
import {
  authorityFingerprint,
  type Credential,
  type CredentialRequest,
  createCredential,
  parseJoinToken,
  parsePem,
  Revocations,
  verifyChain,
} from '@shoal/trust'
import { peerError } from '../errors.ts'
import { chainOf, createSeedAgent, fetchBy } from './seed-fetch.ts'

const CONNECT_TIMEOUT_MS = 10_000
/** The seed's certificate began an hour before it was made, and this machine's clock may be off. */
const TOLERANCE_MS = 5 * 60_000

/** What a node has once it is part of a cluster. */
export interface Membership {
  readonly credential: Credential
  readonly authorities: readonly X509Certificate[]
}

export interface JoinOptions {
  readonly seedUrl: string
  readonly node: string
  readonly trustDomain: string
  /** One key for all attempts: the seed takes a token twice from who has the same key, since an answer may be lost. */
  readonly key: CredentialRequest
}

/**
 * Joins: proves that the seed is that of the token, then sends the token and a request for a certificate of a key that stays here. Throws
 * `SHOAL_PEER_OTHER_SEED`, the errors of the client, what the seed answers, and `SHOAL_TRUST_EXPIRED` when the certificate does not hold
 * yet, or any more, by the clock of this node: one of the two clocks is wrong.
 */
export function createJoin(
  deps: { readonly clock: Pick<Clock, 'now'> },
  { seedUrl, node, trustDomain: domain, key: { privateKey, request } }: JoinOptions,
): (token: string, call: { signal: AbortSignal }) => Promise<Membership> {
  return async (token, { signal }) => {
    const { authority } = parseJoinToken(token)
    const shown = await shownChain(seedUrl, { signal })
    const anchor = shown.find((certificate) => authorityFingerprint(certificate) === authority)
    if (anchor === undefined) throw peerError('SHOAL_PEER_OTHER_SEED', { url: seedUrl })
    const verify = (chain: readonly X509Certificate[]) => {
      const about = { domain, revocations: new Revocations(), now: deps.clock.now(), toleranceMs: TOLERANCE_MS }
      return verifyChain(chain, { ...about, authorities: [anchor] }).identity
    }
    const agent = createSeedAgent({ ca: [anchor.toString()] }, verify)
    try {
      const client = createClient({ baseUrl: seedUrl, fetch: fetchBy(() => agent) })
      const answer = await client.join({ body: { token, node, request }, signal })
      const [chain, authorities] = [parsePem(answer.chain), parsePem(answer.authorities)]
      verify(chain)
      return { credential: createCredential(privateKey, chain), authorities }
    } finally {
      await agent.destroy()
    }
  }
}

/** What whoever listens there shows; nothing is sent, and none of it is trusted yet. */
async function shownChain(url: string, { signal }: { signal: AbortSignal }): Promise<X509Certificate[]> {
  const { hostname, port } = new URL(url)
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  const { promise, resolve, reject } = Promise.withResolvers<X509Certificate[]>()
  const socket = connect({ host, port: Number(port) || 443, rejectUnauthorized: false }, () => {
    resolve(chainOf(socket.getPeerCertificate(true)))
  })
  const abort = () => reject(signal.reason)
  signal.addEventListener('abort', abort, { once: true })
  socket.setTimeout(CONNECT_TIMEOUT_MS, () => reject(new Error('it does not answer in time')))
  socket.on('error', reject)
  try {
    signal.throwIfAborted()
    return await promise
  } catch (error) {
    signal.throwIfAborted()
    throw peerError('SHOAL_PEER_SEED_TLS', { url, reason: (error as Error).message }, error)
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}
