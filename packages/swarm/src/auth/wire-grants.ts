import type Wire from 'bittorrent-protocol'
import type { Holder, LayerGrant, RefusalReason, SwarmIdentity } from './swarm-identity.ts'

/** What is known of rights on one wire. */
export interface GrantedWire {
  readonly wire: Wire
  readonly holder: Holder | undefined
  /** The grant that the other side showed last. */
  grant: LayerGrant | undefined
  /** The one of ours that it was shown last. */
  shownGrant: Uint8Array | undefined
}

/** Who may have one layer: those who show a grant of it, and seeds. Where nobody has credentials everybody may. */
export class WireGrants {
  readonly #identity: SwarmIdentity | undefined
  readonly #infoHash: string
  readonly #isSeed: boolean

  constructor(identity: SwarmIdentity | undefined, { infoHash, isSeed }: { infoHash: string; isSeed: boolean }) {
    this.#identity = identity
    this.#infoHash = infoHash
    this.#isSeed = isSeed
  }

  /** Whether we may ask others for the layer now. */
  get mayTake(): boolean {
    return this.#identity === undefined || this.#isSeed || this.#identity.grant(this.#infoHash) !== undefined
  }

  /** Whether the other side may be given the layer now. */
  mayHave({ holder, grant }: GrantedWire): boolean {
    return holder === undefined || holder.role === 'seed' || grant?.hasEnded() === false
  }

  /** Takes a grant that the other side shows, be it the first or the next; says what is wrong with it. */
  take(link: GrantedWire, bytes: Uint8Array): RefusalReason | undefined {
    const { holder } = link
    if (this.#identity === undefined || holder === undefined) return undefined
    const grant = this.#identity.checkGrant(bytes, { node: holder.name, infoHash: this.#infoHash })
    if (typeof grant === 'string') return grant
    link.grant = grant
    return undefined
  }

  /** Shows ours to the other side, if there is one that it has not seen; false otherwise. To be called when it said what it is. */
  show(link: GrantedWire): boolean {
    if (link.holder === undefined || this.#isSeed) return false
    const grant = this.#identity?.grant(this.#infoHash)
    if (grant === undefined || grant === link.shownGrant) return false
    link.shownGrant = grant
    link.wire.extended('shoal', grant)
    return true
  }
}
