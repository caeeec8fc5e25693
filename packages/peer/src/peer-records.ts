import type { DesiredState, Enrollment } from '@shoal/api'
import { type Digest, digestHex, errorCode, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { RevocationList } from '@shoal/trust'
import type { TrustedKeys } from './trusted-keys.ts'

const KEYS = {
  enrollment: 'peer/enrollment',
  trustedKeys: 'peer/trusted-keys',
  desired: 'peer/desired',
  revocations: 'peer/revocations',
  dhtNodes: 'peer/dht-nodes',
} as const
const FETCH_PREFIX = 'peer/fetch/'
const MANIFEST_PREFIX = 'peer/manifest-time/'
const GRANT_PREFIX = 'peer/grant/'
const MAX_DHT_NODES = 64

/**
 * What the daemon must know again after a restart with the seed dead. A write that fails is logged and not thrown: the daemon
 * goes on with what it has in memory, and the next change is written again.
 */
export class PeerRecords {
  readonly #state: StateStore
  readonly #logger: Logger

  constructor(deps: { state: StateStore; logger: Logger }) {
    this.#state = deps.state
    this.#logger = deps.logger
  }

  async enrollment(): Promise<Enrollment | undefined> {
    return (await this.#state.get<Enrollment>(KEYS.enrollment))?.value
  }

  saveEnrollment(enrollment: Enrollment): Promise<void> {
    return this.#put(KEYS.enrollment, enrollment)
  }

  /** The keys whose signatures are taken. */
  async trustedKeys(): Promise<TrustedKeys | undefined> {
    return (await this.#state.get<TrustedKeys>(KEYS.trustedKeys))?.value
  }

  saveTrustedKeys(trusted: TrustedKeys): Promise<void> {
    return this.#put(KEYS.trustedKeys, trusted)
  }

  async desired(): Promise<DesiredState | undefined> {
    return (await this.#state.get<DesiredState>(KEYS.desired))?.value
  }

  saveDesired(desired: DesiredState): Promise<void> {
    return this.#put(KEYS.desired, desired)
  }

  /** The newest revocation list that the seed told. */
  async revocations(): Promise<RevocationList | undefined> {
    return (await this.#state.get<RevocationList>(KEYS.revocations))?.value
  }

  saveRevocations(list: RevocationList): Promise<void> {
    return this.#put(KEYS.revocations, list)
  }

  async dhtNodes(): Promise<string[]> {
    return (await this.#state.get<string[]>(KEYS.dhtNodes))?.value ?? []
  }

  saveDhtNodes(addresses: readonly string[]): Promise<void> {
    return this.#put(KEYS.dhtNodes, addresses.slice(0, MAX_DHT_NODES))
  }

  /** When the fetch of a layer began (milliseconds since the epoch), if it was not reported as complete yet. */
  async fetchStartedAt(digest: Digest): Promise<number | undefined> {
    try {
      return (await this.#state.get<number>(FETCH_PREFIX + digestHex(digest)))?.value
    } catch (error) {
      this.#logger.warn({ code: errorCode(error), error }, 'state not read')
      return undefined
    }
  }

  saveFetchStarted(digest: Digest, at: number): Promise<void> {
    return this.#put(FETCH_PREFIX + digestHex(digest), at)
  }

  forgetFetch(digest: Digest): Promise<void> {
    return this.#write([{ type: 'delete', key: FETCH_PREFIX + digestHex(digest) }])
  }

  /** When the newest manifest that was taken for a layer was made (milliseconds since the epoch). */
  async manifestTime(digest: Digest): Promise<number | undefined> {
    return (await this.#state.get<number>(MANIFEST_PREFIX + digestHex(digest)))?.value
  }

  saveManifestTime(digest: Digest, at: number): Promise<void> {
    return this.#put(MANIFEST_PREFIX + digestHex(digest), at)
  }

  /** Grants of layers, by info hash. */
  async grants(): Promise<Map<string, Buffer>> {
    const grants = new Map<string, Buffer>()
    for await (const { key, value } of this.#state.range<string>({ prefix: GRANT_PREFIX })) {
      grants.set(key.slice(GRANT_PREFIX.length), Buffer.from(value, 'base64url'))
    }
    return grants
  }

  saveGrant(infoHash: string, grant: Buffer): Promise<void> {
    return this.#put(GRANT_PREFIX + infoHash, grant.toString('base64url'))
  }

  forgetGrant(infoHash: string): Promise<void> {
    return this.#write([{ type: 'delete', key: GRANT_PREFIX + infoHash }])
  }

  #put(key: string, value: unknown): Promise<void> {
    return this.#write([{ type: 'put', key, value }])
  }

  async #write(operations: Parameters<StateStore['batch']>[0]): Promise<void> {
    try {
      await this.#state.batch(operations)
    } catch (error) {
      this.#logger.warn({ code: errorCode(error), error }, 'state not written; going on with what is in memory')
    }
  }
}
