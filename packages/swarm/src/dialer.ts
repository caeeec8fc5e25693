import { connect, isIPv4 } from 'node:net'
import type { Clock } from '@shoal/core'
import type { PeerSocket } from 'webtorrent'

/** Addresses remembered for a layer; more are not taken. */
const MAX_ADDRESSES = 2000
const CONNECT_TIMEOUT_MS = 5000
const FIRST_RETRY_MS = 1000
const LAST_RETRY_MS = 60_000
/** While nobody is connected: it may be our own network that is away, and machines wait for its return. */
const ALONE_RETRY_MS = 5000
/** An address that failed so often in a row is forgotten until somebody names it again. */
const MAX_FAILURES = 10
/** A connection that held so long was worth it: the next is tried without delay. */
const WELL_MS = 30_000

interface Known {
  failures: number
  /** When it failed last. */
  failedAt: number
  /** How long it is left alone then. */
  delayMs: number
  /** Its socket is open or opening. */
  dialling: boolean
  /** When the handshake on that socket came; `undefined` before. */
  metAt: number | undefined
  /** Who answered there, so that it is not dialled while it is connected the other way round. */
  peerId: string | undefined
}

export interface DialerDeps {
  readonly clock: Clock
  /** Source address of connections: the one this daemon is told to use. */
  readonly localHost: string
  /** Where we listen ourselves: never dialled. */
  readonly ownAddress: string
  /** Hosts that are not to be dialled now. */
  readonly isBanned: (host: string) => boolean
  /** Takes a connected socket. */
  readonly onSocket: (socket: PeerSocket, address: string) => void
}

/** Knows where peers of one layer may be, and connects to them with back-off. */
export class Dialer {
  readonly #deps: DialerDeps
  /** Least recently dialled first. */
  readonly #known = new Map<string, Known>()
  #isAlone = true

  constructor(deps: DialerDeps) {
    this.#deps = deps
  }

  /** Remembers `host:port` addresses; malformed ones are dropped. */
  add(addresses: readonly string[]): void {
    for (const address of addresses) {
      if (address === this.#deps.ownAddress) continue
      if (this.#known.has(address) || parseAddress(address) === undefined || !this.#makeRoom()) continue
      this.#known.set(address, {
        ...{ failures: 0, failedAt: 0, delayMs: 0 },
        ...{ dialling: false, metAt: undefined, peerId: undefined },
      })
    }
  }

  /**
   * Dials addresses whose time has come and that `isConnected` does not know, so many that no more than `room` connections are
   * without a handshake. Whoever is alone, connected to nobody, tries again sooner and gives no address up.
   */
  dial(
    { room, isAlone }: { room: number; isAlone: boolean },
    isConnected: (address: string, peerId: string | undefined) => boolean,
  ): void {
    this.#isAlone = isAlone
    const now = this.#deps.clock.now()
    const longestMs = isAlone ? ALONE_RETRY_MS : LAST_RETRY_MS
    let left = room
    for (const { dialling, metAt } of this.#known.values()) if (dialling && metAt === undefined) left -= 1
    for (const [address, known] of this.#known) {
      if (left <= 0) return
      if (known.dialling || known.failedAt + Math.min(known.delayMs, longestMs) > now) continue
      if (isConnected(address, known.peerId)) continue
      if (this.#deps.isBanned(parseAddress(address)?.host ?? '')) continue
      left -= 1
      this.#connect(address, known)
    }
  }

  /** A handshake with this address succeeded. */
  met(address: string, peerId: string): void {
    const known = this.#known.get(address)
    if (known === undefined) return
    known.metAt = this.#deps.clock.now()
    known.peerId = peerId
  }

  forget(address: string): void {
    this.#known.delete(address)
  }

  /** A full table gives up an address that failed, so that junk cannot keep the real ones out. */
  #makeRoom(): boolean {
    if (this.#known.size < MAX_ADDRESSES) return true
    for (const [address, { failures, dialling }] of this.#known) {
      if (failures > 0 && !dialling) return this.#known.delete(address)
    }
    return false
  }

  #connect(address: string, known: Known): void {
    const target = parseAddress(address)
    if (target === undefined) return
    known.dialling = true
    known.metAt = undefined
    this.#known.delete(address)
    this.#known.set(address, known)
    const { localHost } = this.#deps
    const socket = connect({
      ...target,
      ...(localHost === '0.0.0.0' || localHost === '::' ? {} : { localAddress: localHost }),
      noDelay: true,
    })
    socket.setTimeout(CONNECT_TIMEOUT_MS, () => socket.destroy(new Error('connect timeout')))
    socket.once('connect', () => {
      socket.setTimeout(0)
      // An address may be a name: what it led to counts.
      if (this.#deps.isBanned(socket.remoteAddress ?? '')) return socket.destroy()
      this.#deps.onSocket(Object.assign(socket, { id: address, connected: true as const }), address)
    })
    socket.on('error', () => {})
    socket.once('close', () => this.#onClose(address, known))
  }

  #onClose(address: string, known: Known): void {
    known.dialling = false
    const wasWell = known.metAt !== undefined && this.#deps.clock.now() - known.metAt > WELL_MS
    known.failures = wasWell ? 1 : known.failures + 1
    known.failedAt = this.#deps.clock.now()
    known.delayMs = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** (known.failures - 1))
    if (known.failures > MAX_FAILURES && !this.#isAlone) this.#known.delete(address)
  }
}

/** Parses `a.b.c.d:port` or `name:port`; `undefined` when it is neither. */
export function parseAddress(address: string): { host: string; port: number } | undefined {
  const colon = address.lastIndexOf(':')
  const host = address.slice(0, colon)
  const port = Number(address.slice(colon + 1))
  if (colon < 1 || !Number.isInteger(port) || port < 1 || port > 65535) return undefined
  if (!isIPv4(host) && !/^[A-Za-z0-9]([A-Za-z0-9.-]{0,252})$/.test(host)) return undefined
  return { host, port }
}
