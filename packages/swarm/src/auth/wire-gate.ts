import type { Clock } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import type { AccessRefusal, Holder, RefusalReason, SwarmIdentity } from './swarm-identity.ts'
import { WireAuth } from './wire-auth.ts'
import { WireHandshake } from './wire-handshake.ts'

/** From the handshake of BEP 3 to the proof. */
const PROOF_MS = 5000
/** Wires to one layer whose openers have not proven themselves: they take nobody's place. What we dial is bounded by the dialler. */
const MAX_PENDING = 100
/** ... from one host: a node opens one for a layer. */
const MAX_PENDING_PER_HOST = 10

export interface WireGateDeps {
  readonly identity: SwarmIdentity
  readonly clock: Clock
  readonly infoHash: string
  readonly ownPeerId: string
  readonly onRefused: (refusal: AccessRefusal) => void
  /** A wire of this host was one too many. */
  readonly onFlood: (host: string) => void
}

/** A wire at its handshake. */
export interface MetWire {
  readonly host: string
  readonly isDialled: boolean
  /** Whether the other side said more before it had our handshake: what that was nobody looked at. */
  readonly hasSpoken: boolean
}

interface Pending {
  readonly auth: WireAuth
  readonly host: string
  readonly isDialled: boolean
  readonly since: number
}

/** Lets wires of one layer in that prove to be a node's of the cluster. */
export class WireGate {
  readonly #deps: WireGateDeps
  readonly #pending = new Map<Wire, Pending>()

  constructor(deps: WireGateDeps) {
    this.#deps = deps
  }

  /** Begins at a wire's handshake; `undefined` when there is no room, or it cannot prove anything. */
  begin(wire: Wire, { host, isDialled, hasSpoken }: MetWire, onProven: (holder: Holder) => void): WireAuth | undefined {
    const { identity, clock, infoHash, ownPeerId } = this.#deps
    if (!isDialled && !this.#isRoom(host)) {
      this.#deps.onFlood(host)
      return undefined
    }
    if (hasSpoken || !wire.peerExtensions.extended) {
      this.#refuse(wire, host, 'no-credential', undefined)
      return undefined
    }
    const session = { isInitiator: isDialled, infoHash, ownPeerId, otherPeerId: wire.peerId }
    const auth = new WireAuth(wire, new WireHandshake(identity, session), {
      onProven: ({ holder }) => {
        this.#pending.delete(wire)
        onProven(holder)
      },
      onRefused: (reason) => {
        this.#pending.delete(wire)
        this.#refuse(wire, host, reason, auth.shown)
      },
    })
    this.#pending.set(wire, { auth, host, isDialled, since: clock.now() })
    wire.once('close', () => this.#pending.delete(wire))
    return auth
  }

  /** Called every second. */
  check(): void {
    const now = this.#deps.clock.now()
    for (const { auth, since } of [...this.#pending.values()]) if (now - since > PROOF_MS) auth.refuse('timeout')
  }

  /** Gives up those of a host, or all. */
  drop(host?: string): void {
    for (const [wire, pending] of [...this.#pending]) {
      if (host !== undefined && pending.host !== host) continue
      this.#pending.delete(wire)
      wire.destroy()
    }
  }

  #isRoom(host: string): boolean {
    const incoming = [...this.#pending.values()].filter(({ isDialled }) => !isDialled)
    return incoming.length < MAX_PENDING && incoming.filter((one) => one.host === host).length < MAX_PENDING_PER_HOST
  }

  #refuse(wire: Wire, host: string, reason: RefusalReason, shown: Holder | undefined): void {
    const address = `${host}:${wire.remotePort ?? 0}`
    this.#deps.onRefused({ kind: 'wire', reason, address, node: shown?.name ?? null })
  }
}
