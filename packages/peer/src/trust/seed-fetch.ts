import { X509Certificate } from 'node:crypto'
import type { DetailedPeerCertificate, PeerCertificate } from 'node:tls'
import { type ClusterTrust, credentialToPem, type Identity } from '@shoal/trust'
import { Agent, fetch as undiciFetch } from 'undici'
import { peerError } from '../errors.ts'

/** Longer than any pause between heartbeats: a connection costs a handshake. */
const KEEP_ALIVE_MS = 120_000
const CONNECT_TIMEOUT_MS = 10_000
const MIN_TLS = 'TLSv1.3'
const MAX_CHAIN = 4

export interface SeedTls {
  /** Authorities in PEM. */
  readonly ca: string[]
  /** Key and chain that are shown; none while a node joins. */
  readonly key?: string
  readonly cert?: string
}

/** A pool of TLS connections to the seed, which goes by the identity in its certificate and not by its host name. */
export function createSeedAgent(tls: SeedTls, verify: (chain: readonly X509Certificate[]) => Identity): Agent {
  return new Agent({
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    connect: {
      ...tls,
      minVersion: MIN_TLS,
      timeout: CONNECT_TIMEOUT_MS,
      // A session that is resumed is not verified again.
      maxCachedSessions: 0,
      checkServerIdentity: (_host, certificate) => {
        try {
          const { role, name } = verify(chainOf(certificate))
          return role === 'seed' ? undefined : peerError('SHOAL_PEER_NOT_A_SEED', { name })
        } catch (error) {
          return error as Error
        }
      },
    },
  })
}

/** `fetch` over connections of an agent. */
export function fetchBy(agent: () => Agent): typeof fetch {
  type Input = Parameters<typeof undiciFetch>
  // Both are undici's: the platform's takes no agent of this version's class.
  return ((url: Input[0], init?: Input[1]) => undiciFetch(url, { ...init, dispatcher: agent() })) as typeof fetch
}

/** Requests to the seed with the credential that holds now. */
export class SeedFetch implements AsyncDisposable {
  readonly fetch: typeof fetch
  readonly #trust: ClusterTrust
  #shown: string
  #agent: Agent

  constructor(trust: ClusterTrust) {
    this.#trust = trust
    this.#shown = ''
    this.#agent = this.#create()
    this.fetch = fetchBy(() => this.#agent)
    trust.onChange(() => this.#renew())
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy()
  }

  /** Requests under way go on over the connections that they have; the next ones show the new certificate. */
  #renew(): void {
    const { credential, authorities } = this.#trust
    if (this.#shown === [credentialToPem(credential).cert, ...authorities].join()) return
    const old = this.#agent
    this.#agent = this.#create()
    void old.close().catch(() => {})
  }

  #create(): Agent {
    const { credential, authorities } = this.#trust
    const { key, cert } = credentialToPem(credential)
    this.#shown = [cert, ...authorities].join()
    return createSeedAgent({ key, cert, ca: authorities.map(String) }, (chain) => this.#trust.verifyChain(chain))
  }
}

/** What TLS was shown, the holder's certificate first. */
export function chainOf(certificate: PeerCertificate | DetailedPeerCertificate): X509Certificate[] {
  const chain: X509Certificate[] = []
  let next: PeerCertificate | DetailedPeerCertificate | undefined = certificate
  while (next?.raw !== undefined && chain.length < MAX_CHAIN) {
    chain.push(new X509Certificate(next.raw))
    const issuer: DetailedPeerCertificate | undefined = 'issuerCertificate' in next ? next.issuerCertificate : undefined
    // The last one is its own issuer.
    next = issuer === next ? undefined : issuer
  }
  return chain
}
