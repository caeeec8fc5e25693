import { MAX_REVOCATIONS } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { NO_REVOCATIONS, type NodeRevocation, type RevocationList } from '@shoal/trust'
import { seedError } from '../errors.ts'

const KEY = 'seed/revocations'
const ISSUED = 'seed/issued/'
/** Certificates say whole seconds. */
const SECOND_MS = 1000

/** What was revoked, over restarts: one entry for a node, for as long as a certificate could be meant by it. */
export class RevocationBook {
  readonly #deps: { readonly state: StateStore; readonly clock: Clock }
  /** The longest that a certificate holds, with the difference that clocks may have. */
  readonly #keptMs: number
  #list: RevocationList = NO_REVOCATIONS
  /** When the newest certificate of each node began to hold, where the authority of this seed made it. */
  readonly #issued = new Map<string, number>()

  constructor(deps: { state: StateStore; clock: Clock }, { keptMs }: { keptMs: number }) {
    this.#deps = deps
    this.#keptMs = keptMs
  }

  async open(): Promise<void> {
    const { state } = this.#deps
    this.#list = (await state.get<RevocationList>(KEY))?.value ?? NO_REVOCATIONS
    for await (const { key, value } of state.range<number>({ prefix: ISSUED })) {
      this.#issued.set(key.slice(ISSUED.length), value)
    }
  }

  /** Takes note, durably, of a certificate that is about to be given to a node. */
  async issued(node: string, notBefore: number): Promise<void> {
    if ((this.#issued.get(node) ?? Number.NEGATIVE_INFINITY) >= notBefore) return
    this.#issued.set(node, notBefore)
    await this.#deps.state.put(ISSUED + node, notBefore)
  }

  get list(): RevocationList {
    return this.#list
  }

  /** When a new certificate of a node may begin to hold at the earliest; milliseconds since the epoch. */
  earliest(node: string): number {
    const until = this.#list.nodes.find((entry) => entry.node === node)?.until ?? Number.NEGATIVE_INFINITY
    return until + SECOND_MS
  }

  /**
   * Revokes every certificate that a node has. By the newest that it was given, where that is known: one that began by a clock that has been
   * set back since is meant as well, and a clock that is ahead just now does not keep the node's next one from holding. Throws
   * `SHOAL_REVOCATION_LIMIT`.
   */
  async revoke(node: string): Promise<NodeRevocation> {
    const now = this.#deps.clock.now()
    const entry = { node, until: this.#issued.get(node) ?? Math.floor(now / SECOND_MS) * SECOND_MS }
    const others = this.#list.nodes.filter((one) => one.node !== node && one.until + this.#keptMs > now)
    if (others.length >= MAX_REVOCATIONS) throw seedError('SHOAL_REVOCATION_LIMIT', { limit: MAX_REVOCATIONS })
    await this.#save({ nodes: [...others, entry] })
    return entry
  }

  /** Takes the serial numbers of the operator's own list. */
  async setSerials(serials: readonly string[]): Promise<void> {
    if (serials.join() === this.#list.serials.join()) return
    await this.#save({ serials: serials.slice(0, MAX_REVOCATIONS) })
  }

  async #save(change: Partial<RevocationList>): Promise<void> {
    this.#list = { ...this.#list, ...change, revision: this.#list.revision + 1 }
    await this.#deps.state.put(KEY, this.#list)
  }
}
