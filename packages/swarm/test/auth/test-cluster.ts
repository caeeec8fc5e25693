import { generateKeyPairSync } from 'node:crypto'
import { systemClock } from '@shoal/core'
import { clusterIdentity, encodeLayerGrant, type GrantSource, LAYER_GRANT_MS, type SwarmIdentity } from '@shoal/swarm'
import {
  CertificateAuthority,
  ClusterTrust,
  createCredential,
  type Identity,
  newCredentialRequest,
  readCertificateRequest,
} from '@shoal/trust'

const HOUR_MS = 3_600_000

export interface TestNode {
  readonly trust: ClusterTrust
  readonly identity: SwarmIdentity
}

/** A cluster with an authority of its own that gives credentials to whoever a test needs. */
export class TestCluster {
  readonly authority = CertificateAuthority.create({ domain: 'shoal', now: Date.now() })
  /** The seed's, which signs grants. */
  readonly key = generateKeyPairSync('ed25519')
  readonly #nodes: ClusterTrust[] = []
  readonly #clock: { now(): number }

  /** `clock` is what those who verify go by. */
  constructor({ clock = systemClock }: { clock?: { now(): number } } = {}) {
    this.#clock = clock
  }

  /** One that may have every layer, or what `own` gives it. */
  node(name: string, own?: GrantSource['own']): TestNode {
    return this.#enrol({ role: 'node', name }, own)
  }

  /** What the seed gives to a node that may have a layer. */
  grant(node: string, infoHash: string, { lifetimeMs = LAYER_GRANT_MS }: { lifetimeMs?: number } = {}): Buffer {
    return encodeLayerGrant({ node, infoHash }, this.#clock.now() + lifetimeMs, this.key.privateKey)
  }

  seed(name: string): TestNode {
    return this.#enrol({ role: 'seed', name }, () => undefined)
  }

  /** Everybody hears that what a node got until now is no longer good. */
  revoke(name: string): void {
    const nodes = [{ node: name, until: Date.now() }]
    for (const trust of this.#nodes) {
      trust.setRevocations({ revision: trust.revocations.revision + 1, nodes, serials: [] })
    }
  }

  #enrol(identity: Identity, own = this.#grantsOf(identity.name)): TestNode {
    const { privateKey, request } = newCredentialRequest(identity.name)
    const publicKey = readCertificateRequest(request)
    const certificate = this.authority.issue({ publicKey, identity, notBefore: Date.now(), lifetimeMs: HOUR_MS })
    const trust = new ClusterTrust(
      { clock: this.#clock },
      { credential: createCredential(privateKey, [certificate]), authorities: [this.authority.certificate] },
    )
    this.#nodes.push(trust)
    const keys = [this.key.publicKey]
    return { trust, identity: clusterIdentity(trust, this.#clock, { own, keys: () => keys }) }
  }

  /** Of every layer, each made once. */
  #grantsOf(node: string): GrantSource['own'] {
    const grants = new Map<string, Buffer>()
    return (infoHash) => {
      const grant = grants.get(infoHash) ?? this.grant(node, infoHash)
      grants.set(infoHash, grant)
      return grant
    }
  }
}
