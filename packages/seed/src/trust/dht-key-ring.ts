import { randomBytes } from 'node:crypto'
import type { Clock, Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { SeedTrust } from './open-trust.ts'

const KEY = 'seed/dht-keys'
const KEY_BYTES = 32
const ROTATE_MS = 24 * 3_600_000
/** Nodes that the push of desired state does not reach register every 10 minutes. */
const OVERLAP_MS = 20 * 60_000
/** After a revocation: as long as the push and two heartbeats take. */
const REVOKED_OVERLAP_MS = 30_000
const LOOK_MS = 5000

/** Opens it for a swarm; `tell` has nodes told at once. A node that is revoked does not know the next key. */
export async function openDhtKeys(
  { own, revocations }: Pick<SeedTrust, 'own' | 'revocations'>,
  deps: Omit<DhtKeyRingDeps, 'onChange'>,
  swarm: { setDhtKeys(keys: readonly Buffer[]): void },
  tell: () => void,
): Promise<DhtKeyRing> {
  const ring = new DhtKeyRing({
    ...deps,
    onChange: (keys) => {
      swarm.setDhtKeys(keys)
      if (isOpen) tell()
    },
  })
  let isOpen = false
  await ring.open()
  isOpen = true
  let { revision } = revocations.list
  own.trust.onChange(() => {
    if (revocations.list.revision === revision) return
    revision = revocations.list.revision
    ring
      .rotate({ overlapMs: REVOKED_OVERLAP_MS })
      .catch((error: unknown) => deps.logger.error({ error }, 'the key of the DHT cannot be renewed'))
  })
  return ring
}

interface DhtKeyRecord {
  /** Hexadecimal. */
  readonly key: string
  readonly madeAt: number
  /** How long the one before holds beside it. */
  readonly overlapMs?: number
}

export interface DhtKeyRingDeps {
  readonly state: StateStore
  readonly clock: Clock
  readonly logger: Logger
  /** Told the keys whenever they change, the newest first. */
  readonly onChange: (keys: readonly Buffer[]) => void
}

/** The key of the cluster's DHT: a new one every day and when a node is revoked; the one before holds until nodes know the new one. */
export class DhtKeyRing {
  readonly #deps: DhtKeyRingDeps
  #keys: readonly DhtKeyRecord[] = []

  constructor(deps: DhtKeyRingDeps) {
    this.#deps = deps
  }

  /** The keys that hold, hexadecimal, the newest first: what nodes are told. */
  get keys(): readonly string[] {
    return this.#keys.map(({ key }) => key)
  }

  async open(): Promise<void> {
    this.#keys = (await this.#deps.state.get<DhtKeyRecord[]>(KEY))?.value ?? []
    if (this.#keys.length === 0) await this.rotate()
    else this.#tell()
  }

  /** Makes a new key; the newest of those that held goes on holding for a while. */
  async rotate({ overlapMs = OVERLAP_MS }: { overlapMs?: number } = {}): Promise<void> {
    const record = { key: randomBytes(KEY_BYTES).toString('hex'), madeAt: this.#deps.clock.now(), overlapMs }
    await this.#save([record, ...this.#keys.slice(0, 1)])
  }

  /** Rotates in time and drops what no longer holds, until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, logger } = this.#deps
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        await this.#look()
      } catch (error) {
        logger.error({ error }, 'the key of the DHT cannot be renewed; it is tried again')
      }
    }
  }

  async #look(): Promise<void> {
    const [newest] = this.#keys
    // A clock that was set back must not make a key hold for ever.
    const ageMs = Math.abs(this.#deps.clock.now() - (newest?.madeAt ?? 0))
    if (ageMs > ROTATE_MS) await this.rotate()
    else if (ageMs > (newest?.overlapMs ?? OVERLAP_MS) && this.#keys.length > 1)
      await this.#save(this.#keys.slice(0, 1))
  }

  async #save(keys: readonly DhtKeyRecord[]): Promise<void> {
    await this.#deps.state.put(KEY, keys)
    this.#keys = keys
    this.#tell()
  }

  #tell(): void {
    this.#deps.onChange(this.#keys.map(({ key }) => Buffer.from(key, 'hex')))
  }
}
