import { createSocket, type RemoteInfo } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { type Clock, type Logger, type SourceRateLimits, SourceRates } from '@shoal/core'
import type { DhtSeal } from './auth/dht-seal.ts'
import type { RefusalReason } from './auth/swarm-identity.ts'
import { isDhtDatagram } from './dht-datagram.ts'

/** Each daemon looks for the peers of a layer every 10 s to 60 s, in a few datagrams. */
export const DHT_RATES: SourceRateLimits = { perSource: 200, total: 4000 }

export type DhtRefusal = 'malformed' | 'flood'

export interface DhtSocketDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
  /** Called for each datagram that the DHT is not shown. */
  readonly onRefused: (reason: DhtRefusal, host: string) => void
  /** With it only datagrams of the cluster's nodes count; without it anybody's. */
  readonly seal?: DhtSeal | undefined
  /** Called for each datagram that is none of theirs. */
  readonly onStranger?: (reason: RefusalReason, host: string) => void
}

/**
 * The UDP socket of the DHT, as its library sees it: only datagrams of the right shape, and no more than a node of a cluster needs. What throws
 * all the same ends with its datagram.
 */
export class DhtSocket extends EventEmitter {
  readonly #socket = createSocket('udp4')
  readonly #seal: DhtSeal | undefined
  #isListening = false

  constructor({ clock, logger, onRefused, seal, onStranger }: DhtSocketDeps) {
    super()
    this.#seal = seal
    const rates = new SourceRates(clock, DHT_RATES)
    this.#socket.on('message', (bytes: Buffer, sender: RemoteInfo) => {
      if (!rates.take(sender.address)) return onRefused('flood', sender.address)
      const message = seal === undefined ? bytes : seal.open(bytes, sender)
      if (typeof message === 'string') return onStranger?.(message, sender.address)
      if (!isDhtDatagram(message)) return onRefused('malformed', sender.address)
      try {
        this.emit('message', message, sender)
      } catch (error) {
        onRefused('malformed', sender.address)
        logger.warn({ error, from: sender.address }, 'dht failed at a datagram')
      }
    })
    this.#socket.on('error', (error) => this.emit('error', error))
    this.#socket.on('listening', () => {
      this.#isListening = true
      this.emit('listening')
    })
    this.#socket.on('close', () => this.emit('close'))
  }

  bind(port: number, host: string, onListening: () => void): void {
    this.#socket.bind(port, host, onListening)
  }

  address(): { address: string; port: number } {
    return this.#socket.address()
  }

  send(...parts: [Uint8Array, number, number, number, string, (error: Error | null) => void]): void {
    const [bytes, offset, length, port, host, onSent] = parts
    const message = bytes.subarray(offset, offset + length)
    if (this.#seal === undefined) {
      this.#socket.send(message, port, host, onSent)
      return
    }
    const datagram = this.#isListening ? this.#seal.seal(message, this.#ownAddress()) : undefined
    if (datagram === undefined) onSent(new Error('the key or the port of the DHT is not known yet'))
    else this.#socket.send(datagram, port, host, onSent)
  }

  /** `undefined` where the machine chooses it for each destination. */
  #ownAddress(): { address: string; port: number } | undefined {
    const own = this.#socket.address()
    return own.address === '0.0.0.0' ? undefined : own
  }

  close(): void {
    this.#socket.close()
  }
}
