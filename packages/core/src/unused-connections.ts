import type { Socket } from 'node:net'

/** A client that means to ask has done so by then, also while many begin at once. */
const HAD_TIME_MS = 3000

interface Unused {
  readonly address: string
  readonly since: number
}

/**
 * Connections that have asked for nothing yet, and which of them has to go when there are too many: the oldest of the address that holds the most, or
 * else the oldest of all once it has had its time. So neither one address nor many slow ones keep others out.
 */
export class UnusedConnections {
  readonly #limit: number
  readonly #now: () => number
  /** The oldest first; and so by address. */
  readonly #all = new Map<Socket, Unused>()
  readonly #byAddress = new Map<string, Set<Socket>>()

  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit
    this.#now = now
  }

  get size(): number {
    return this.#all.size
  }

  /** Takes one in; gives the one that has to be closed for it, which may be itself. */
  add(socket: Socket, address: string): Socket | undefined {
    const gone = this.#all.size < this.#limit ? undefined : (this.#victimFor(address) ?? socket)
    if (gone === socket) return socket
    if (gone !== undefined) this.delete(gone)
    this.#all.set(socket, { address, since: this.#now() })
    const others = this.#byAddress.get(address)
    if (others === undefined) this.#byAddress.set(address, new Set([socket]))
    else others.add(socket)
    return gone
  }

  /** It has asked for something, or is closed. */
  delete(socket: Socket): void {
    const unused = this.#all.get(socket)
    if (unused === undefined) return
    this.#all.delete(socket)
    const others = this.#byAddress.get(unused.address)
    others?.delete(socket)
    if (others?.size === 0) this.#byAddress.delete(unused.address)
  }

  #victimFor(address: string): Socket | undefined {
    let most: Set<Socket> | undefined
    for (const held of this.#byAddress.values()) if (held.size > (most?.size ?? 0)) most = held
    const own = this.#byAddress.get(address)?.size ?? 0
    const [oldestOfMost] = most ?? []
    // Not where all hold as many: when a fleet comes back at once, those that came first are to get through.
    if (most !== undefined && most.size > own + 1) return oldestOfMost
    const [oldest] = this.#all
    return oldest !== undefined && this.#now() - oldest[1].since >= HAD_TIME_MS ? oldest[0] : undefined
  }
}
