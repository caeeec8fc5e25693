import type { KeyObject } from 'node:crypto'
import { type Clock, type Digest, errorCode, type Logger, publicKeyId } from '@shoal/core'
import { LAYER_GRANT_MS, layerGrantEnd, layerGrantKeyId } from '@shoal/swarm'
import { Alarm } from '../alarm.ts'
import { peerError } from '../errors.ts'
import type { PeerRecords } from '../peer-records.ts'
import { isNoAnswer, type SeedLink } from '../seed-link.ts'
import type { SignatureTrust } from '../signature-trust.ts'

/** How often it is looked which grants are due, unless somebody rings. One that was refused is not asked for again before. */
const LOOK_MS = 60_000
const RENEWAL_MS = LAYER_GRANT_MS / 2
/** Nodes that got grants in one minute are to renew them in several hours. */
const SPREAD_MS = LAYER_GRANT_MS / 8

/** A layer of which this node wants a grant. */
export interface GrantedLayer {
  readonly digest: Digest
  /** In hexadecimal. */
  readonly infoHash: string
}

export interface LayerGrantsDeps {
  readonly seed: SeedLink
  readonly records: PeerRecords
  /** Whose grants hold. */
  readonly trust: SignatureTrust
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

/** What this node shows to be given layers: asked of the seed, renewed when half of its life is over, kept over restarts. */
export class LayerGrants {
  readonly #deps: LayerGrantsDeps
  readonly #alarm: Alarm
  readonly #dueMs: number
  /** By info hash. */
  readonly #grants = new Map<string, Buffer>()
  readonly #asking = new Map<string, Promise<void>>()
  readonly #refusedAt = new Map<string, number>()
  #trusted: { readonly of: readonly KeyObject[]; readonly ids: ReadonlySet<string> } = { of: [], ids: new Set() }

  constructor(deps: LayerGrantsDeps) {
    this.#deps = deps
    this.#alarm = new Alarm(deps.clock)
    this.#dueMs = RENEWAL_MS - deps.random() * SPREAD_MS
    deps.seed.onReturn(() => this.#alarm.ring())
  }

  /** Reads what an earlier run was given. */
  async open(): Promise<void> {
    for (const [infoHash, grant] of await this.#deps.records.grants()) this.#grants.set(infoHash, grant)
  }

  /** The newest grant of a layer, by info hash, of a key that is trusted; it may have ended. */
  own(infoHash: string): Buffer | undefined {
    const grant = this.#grants.get(infoHash)
    return grant !== undefined && this.#isTrusted(grant) ? grant : undefined
  }

  /** Whether there is one that holds. */
  has(infoHash: string): boolean {
    return this.#leftMs(infoHash) > 0
  }

  /** Looks soon which grants are due. */
  notice(): void {
    this.#alarm.ring()
  }

  /** Asks for a grant unless there is one that holds for long. Throws `SHOAL_PEER_GRANT` and the client's errors. */
  async obtain(layer: GrantedLayer, { signal }: { signal: AbortSignal }): Promise<void> {
    const { infoHash } = layer
    if (this.#leftMs(infoHash) > this.#dueMs) return
    const asking = this.#asking.get(infoHash) ?? this.#ask(layer, signal).finally(() => this.#asking.delete(infoHash))
    this.#asking.set(infoHash, asking)
    await asking
  }

  /** Keeps the grants of wanted layers until aborted. */
  async run(wanted: () => Iterable<GrantedLayer>, { signal }: { signal: AbortSignal }): Promise<void> {
    while (!signal.aborted) {
      await this.#look([...wanted()], signal)
      await this.#alarm.wait(LOOK_MS, { signal })
    }
  }

  async #look(wanted: readonly GrantedLayer[], signal: AbortSignal): Promise<void> {
    const { clock, records, logger } = this.#deps
    const now = clock.elapsed()
    for (const infoHash of [...this.#grants.keys()]) {
      if (this.has(infoHash)) continue
      this.#grants.delete(infoHash)
      await records.forgetGrant(infoHash)
    }
    for (const [infoHash, at] of this.#refusedAt) if (now - at >= LOOK_MS) this.#refusedAt.delete(infoHash)
    for (const layer of wanted) {
      if (signal.aborted) return
      if (this.#refusedAt.has(layer.infoHash)) continue
      try {
        await this.obtain(layer, { signal })
      } catch (error) {
        if (signal.aborted) return
        // It is said by the link, once.
        if (isNoAnswer(error)) return
        this.#refusedAt.set(layer.infoHash, now)
        logger.warn(
          { layer: layer.digest, code: errorCode(error), error },
          'no grant of a layer; it is asked for again',
        )
      }
    }
  }

  async #ask({ digest, infoHash }: GrantedLayer, signal: AbortSignal): Promise<void> {
    const { seed, records, trust } = this.#deps
    const grant = Buffer.from(await seed.call((client) => client.getGrant({ params: { layer: digest }, signal })))
    if (layerGrantEnd(grant) === undefined) throw peerError('SHOAL_PEER_GRANT', { layer: digest })
    if (!this.#isTrusted(grant)) await trust.refresh({ signal })
    this.#grants.set(infoHash, grant)
    await records.saveGrant(infoHash, grant)
  }

  #leftMs(infoHash: string): number {
    const grant = this.own(infoHash)
    return (grant === undefined ? 0 : (layerGrantEnd(grant) ?? 0)) - this.#deps.clock.now()
  }

  #isTrusted(grant: Buffer): boolean {
    const keys = this.#deps.trust.keys()
    if (this.#trusted.of !== keys) {
      this.#trusted = { of: keys, ids: new Set(keys.map((key) => publicKeyId(key).toString('hex'))) }
    }
    return this.#trusted.ids.has(layerGrantKeyId(grant))
  }
}
