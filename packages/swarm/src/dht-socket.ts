import { createSocket, type RemoteInfo } from 'node:dgram'
import { EventEmitter } from 'node:events'
import { type Clock, type Logger, type SourceRateLimits, SourceRates } from '@shoal/core'
import { isDhtDatagram } from './dht-datagram.ts'

/** Each daemon looks for the peers of a layer every 10 s to 60 s, in a few datagrams. */
export const DHT_RATES: SourceRateLimits = { perSource: 200, total: 4000 }

export type DhtRefusal = 'malformed' | 'flood'

export interface DhtSocketDeps {
  readonly clock: Pick<Clock, 'now'>
  readonly logger: Logger
  /** Called for each datagram that the DHT is not shown. */
  readonly onRefused: (reason: DhtRefusal) => void
}

/**
 * The UDP socket of the DHT, as its library sees it: only datagrams of the right shape, and no more than a node of a cluster needs. What throws
 * all the same ends with its datagram.
 */
export class DhtSocket extends EventEmitter {
  readonly #socket = createSocket('udp4')

  constructor({ clock, logger, onRefused }: DhtSocketDeps) {
    super()
    const rates = new SourceRates(clock, DHT_RATES)
    this.#socket.on('message', (bytes: Buffer, sender: RemoteInfo) => {
      if (!rates.take(sender.address)) return onRefused('flood')
      if (!isDhtDatagram(bytes)) return onRefused('malformed')
      try {
        this.emit('message', bytes, sender)
      } catch (error) {
        onRefused('malformed')
        logger.warn({ error, from: sender.address }, 'dht failed at a datagram')
      }
    })
    this.#socket.on('error', (error) => this.emit('error', error))
    this.#socket.on('listening', () => this.emit('listening'))
    this.#socket.on('close', () => this.emit('close'))
  }

  bind(port: number, host: string, onListening: () => void): void {
    this.#socket.bind(port, host, onListening)
  }

  address(): { address: string; port: number } {
    return this.#socket.address()
  }

  send(...parts: [Uint8Array, number, number, number, string, (error: Error | null) => void]): void {
    this.#socket.send(...parts)
  }

  close(): void {
    this.#socket.close()
  }
}
