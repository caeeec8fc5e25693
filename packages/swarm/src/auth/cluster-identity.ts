import { createHash, type KeyObject } from 'node:crypto'
import { type Clock, errorCode } from '@shoal/core'
import { type ClusterTrust, decodeChain, isTranscriptSigned } from '@shoal/trust'
import { isLayerGrantSigned, layerGrantEnd } from './layer-grant.ts'
import type { Holder, RefusalReason, SwarmIdentity } from './swarm-identity.ts'

/** Chains that are remembered: those of the nodes that wires lead to. The one that came longest ago gives way. */
const MAX_KNOWN = 4096
/** A chain that is within its time now is looked at again after this; one that changes of the cluster may concern, at once. */
const RECHECK_MS = 10_000

const REASONS: Readonly<Record<string, RefusalReason>> = {
  SHOAL_TRUST_UNKNOWN_AUTHORITY: 'unknown-authority',
  SHOAL_TRUST_EXPIRED: 'expired',
  SHOAL_TRUST_REVOKED: 'revoked',
  SHOAL_TRUST_NAME: 'wrong-name',
}

/** Rights on layers: the ones that we were given, and what others' are checked by. */
export interface GrantSource {
  /** Our own grant of a layer, by info hash in hexadecimal. */
  own(infoHash: string): Uint8Array | undefined
  /** The keys that sign grants: those that sign manifests. The same array as long as they are the same. */
  keys(): readonly KeyObject[]
}

/** The swarm's view of what a daemon knows of its cluster. Many wires lead to one node: its chain is verified once for all of them. */
export function clusterIdentity(trust: ClusterTrust, clock: Pick<Clock, 'now'>, grants: GrantSource): SwarmIdentity {
  const known = new Map<string, Holder>()
  let version = 0
  trust.onChange(() => {
    version += 1
  })
  return {
    credential: () => ({ chain: trust.chain, sign: (message) => trust.sign(message) }),
    check: (chain) => {
      const key = createHash('sha256').update(chain).digest('base64')
      const holder = known.get(key) ?? verified(trust, chain, { clock, version: () => version })
      known.delete(key)
      const refusal = typeof holder === 'string' ? holder : holder.lapsed()
      if (typeof holder === 'string' || refusal !== undefined) return refusal ?? 'malformed'
      known.set(key, holder)
      const [oldest] = known.keys()
      if (known.size > MAX_KNOWN && oldest !== undefined) known.delete(oldest)
      return holder
    },
    grant: (infoHash) => {
      const grant = grants.own(infoHash)
      return grant !== undefined && (layerGrantEnd(grant) ?? 0) > clock.now() ? grant : undefined
    },
    checkGrant: (bytes, subject) => {
      const endsAt = layerGrantEnd(bytes)
      let keys = grants.keys()
      if (endsAt === undefined || !isLayerGrantSigned(bytes, subject, keys)) return 'bad-grant'
      let isSigned = true
      const hasEnded = () => {
        // A key that is not trusted any more takes what it signed along.
        if (keys !== grants.keys()) {
          keys = grants.keys()
          isSigned = isLayerGrantSigned(bytes, subject, keys)
        }
        return !isSigned || endsAt <= clock.now()
      }
      return hasEnded() ? 'grant-ended' : { hasEnded }
    },
  }
}

function verified(
  trust: ClusterTrust,
  chain: Uint8Array,
  now: { clock: Pick<Clock, 'now'>; version: () => number },
): Holder | RefusalReason {
  try {
    const certificates = decodeChain(chain)
    const { name, role } = trust.verifyChain(certificates)
    const key = certificates[0]?.publicKey
    if (key === undefined) return 'malformed'
    let seenVersion = now.version()
    let seenAt = now.clock.now()
    let refusal: RefusalReason | undefined
    return {
      name,
      role,
      verify: (message, signature) => isTranscriptSigned(key, message, signature),
      lapsed: () => {
        if (seenVersion === now.version() && Math.abs(now.clock.now() - seenAt) < RECHECK_MS) return refusal
        seenVersion = now.version()
        seenAt = now.clock.now()
        refusal = refusalOf(() => trust.verifyChain(certificates))
        return refusal
      },
    }
  } catch (error) {
    return REASONS[errorCode(error) ?? ''] ?? 'malformed'
  }
}

function refusalOf(verify: () => unknown): RefusalReason | undefined {
  try {
    verify()
    return undefined
  } catch (error) {
    return REASONS[errorCode(error) ?? ''] ?? 'malformed'
  }
}
