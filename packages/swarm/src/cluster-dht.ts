import { type Clock, type Logger, systemClock } from '@shoal/core'
import type { Client as DhtClient } from 'bittorrent-dht'
import { DhtSeal } from './auth/dht-seal.ts'
import { openDht } from './dht.ts'
import type { DhtSocketDeps } from './dht-socket.ts'
import { parseAddress } from './dialer.ts'

export interface ClusterDhtOptions {
  readonly host: string
  readonly port: number
  readonly bootstrap: readonly string[]
  /** Host others are told. */
  readonly advertiseHost: string
  /** Whether datagrams carry a MAC by keys of the cluster. */
  readonly isSealed: boolean
}

export interface ClusterDhtDeps extends Pick<DhtSocketDeps, 'onRefused' | 'onStranger'> {
  readonly clock: Clock
  readonly logger: Logger
}

/** This daemon's node in the cluster's own DHT. */
export class ClusterDht {
  readonly #deps: ClusterDhtDeps
  readonly #options: ClusterDhtOptions
  readonly #seal: DhtSeal | undefined
  #client: DhtClient | undefined

  constructor(deps: ClusterDhtDeps, options: ClusterDhtOptions) {
    this.#deps = deps
    this.#options = options
    this.#seal = options.isSealed ? new DhtSeal(systemClock) : undefined
  }

  /** `undefined` when it is not open. */
  get client(): DhtClient | undefined {
    return this.#client
  }

  /** `host:port` at which others reach it; `null` when it is not open. */
  get address(): string | null {
    return this.#client === undefined ? null : `${this.#options.advertiseHost}:${this.#client.address().port}`
  }

  get nodeCount(): number {
    return this.#client?.nodes.toArray().length ?? 0
  }

  /** Listens. Rejects with what the socket says. */
  async open(): Promise<void> {
    this.#client = await openDht(this.#options, { ...this.#deps, seal: this.#seal })
    // With a seal the library's own first questions came before there was a port to name in them.
    if (this.#seal !== undefined) this.add(this.#options.bootstrap)
  }

  /** Sets the keys of datagrams, the newest first; without a seal it has none. */
  setKeys(keys: readonly Uint8Array[]): void {
    this.#seal?.setKeys(keys)
    // What was asked of them before they could not understand.
    if (this.nodes().length === 0) this.add(this.#options.bootstrap)
  }

  /** Adds nodes (`host:port`) beside the ones given at the start. */
  add(addresses: readonly string[]): void {
    for (const address of addresses) {
      const node = parseAddress(address)
      if (node !== undefined && address !== this.address) this.#client?.addNode(node)
    }
  }

  /** Nodes we know, as `host:port`. */
  nodes(): string[] {
    return this.#client?.toJSON().nodes.map(({ host, port }) => `${host}:${port}`) ?? []
  }

  async close(): Promise<void> {
    const client = this.#client
    this.#client = undefined
    if (client !== undefined) await new Promise<void>((resolve) => client.destroy(() => resolve()))
  }
}
