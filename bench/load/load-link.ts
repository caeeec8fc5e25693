import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import { type Client, createClient } from '@shoal/api'
import { systemClock } from '@shoal/core'
import { fetchBy, SeedFetch } from '@shoal/peer/seed-side'
import { clusterIdentity, type SwarmIdentity } from '@shoal/swarm'
import { type CertificateAuthority, ClusterTrust, createCredential } from '@shoal/trust'
import { Agent } from 'undici'

/** How a node is known to the seed: the default by a certificate of its own, otherwise by the token of all. */
export type LoadSecurity = 'certificates' | 'token'

/** How a node gets to the seed: over connections of its own, as a daemon does. */
export interface LoadLink {
  readonly client: Client
  /** What it signs announces with; none where it has no certificate. */
  readonly identity: SwarmIdentity | undefined
}

const LIFETIME_MS = 7 * 86_400_000

/** With a key of its own and a certificate that the seed's authority signs here: joining by a token ends with the same. */
export function linkByCertificate(
  name: string,
  { url, authority }: { url: string; authority: CertificateAuthority },
): LoadLink {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const certificate = authority.issue({
    publicKey: createPublicKey(privateKey),
    identity: { role: 'node', name },
    notBefore: Math.floor(Date.now() / 1000) * 1000,
    lifetimeMs: LIFETIME_MS,
  })
  const credential = createCredential(privateKey, [certificate])
  const trust = new ClusterTrust({ clock: systemClock }, { credential, authorities: [authority.certificate] })
  const { fetch } = new SeedFetch(trust)
  // It only announces: nobody shows it, or is shown, a grant.
  const identity = clusterIdentity(trust, systemClock, { own: () => undefined, keys: () => [] })
  return { client: createClient({ baseUrl: url, fetch }), identity }
}

export function linkByToken({ url, token }: { url: string; token: string }): LoadLink {
  const agent = new Agent()
  return { client: createClient({ baseUrl: url, token, fetch: fetchBy(() => agent) }), identity: undefined }
}
