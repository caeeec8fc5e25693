import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock } from '@shoal/core'
import type { RefusalReason } from './swarm-identity.ts'

/** At the end of each datagram (docs/formats/swarm-authentication.md). */
const ADDRESS_BYTES = 6
const TIME_BYTES = 8
const KEY_ID_BYTES = 8
const MAC_BYTES = 16
const SIGNED_BYTES = ADDRESS_BYTES + TIME_BYTES + KEY_ID_BYTES
export const DHT_SEAL_BYTES = SIGNED_BYTES + MAC_BYTES
const DOMAIN = 'shoal dht 1\0'
/** Clocks of two machines may differ by this much. */
const WINDOW_MS = 5 * 60_000
export const DHT_KEY_BYTES = 32

interface Sender {
  readonly address: string
  readonly port: number
}

interface DhtKey {
  readonly key: Uint8Array
  readonly id: Buffer
}

/** Marks datagrams as those of a cluster, and tells them from others. Without a key it lets nothing through in either direction. */
export class DhtSeal {
  readonly #clock: Pick<Clock, 'now'>
  #keys: readonly DhtKey[] = []

  /** `clock` is the machine's own time. */
  constructor(clock: Pick<Clock, 'now'>) {
    this.#clock = clock
  }

  /** The keys that hold: the first seals, each opens. */
  setKeys(keys: readonly Uint8Array[]): void {
    this.#keys = keys.map((key) => ({ key, id: createHash('sha256').update(key).digest().subarray(0, KEY_ID_BYTES) }))
  }

  /** A message as it goes out from an address; `undefined` for the address when others may see another. */
  seal(message: Uint8Array, from: Sender | undefined): Buffer | undefined {
    const [first] = this.#keys
    if (first === undefined) return undefined
    const time = Buffer.alloc(TIME_BYTES)
    time.writeBigUInt64BE(BigInt(Math.floor(this.#clock.now())))
    const signed = Buffer.concat([message, addressBytes(from), time, first.id])
    return Buffer.concat([signed, macOf(first.key, signed)])
  }

  /** The message in a datagram that came from an address. */
  open(datagram: Buffer, from: Sender): Buffer | RefusalReason {
    const messageBytes = datagram.length - DHT_SEAL_BYTES
    if (messageBytes <= 0) return 'no-credential'
    const signed = datagram.subarray(0, -MAC_BYTES)
    const id = signed.subarray(-KEY_ID_BYTES)
    const known = this.#keys.find((key) => key.id.equals(id))
    if (known === undefined) return 'no-credential'
    if (!timingSafeEqual(macOf(known.key, signed), datagram.subarray(-MAC_BYTES))) return 'bad-proof'
    const timeMs = Number(datagram.readBigUInt64BE(messageBytes + ADDRESS_BYTES))
    if (Math.abs(timeMs - this.#clock.now()) > WINDOW_MS) return 'stale'
    const address = datagram.subarray(messageBytes, messageBytes + ADDRESS_BYTES)
    // Said by somebody at one address, it is of no use at another.
    if (!address.equals(addressBytes(undefined)) && !address.equals(addressBytes(from))) return 'replayed'
    return datagram.subarray(0, messageBytes)
  }
}

function macOf(key: Uint8Array, signed: Uint8Array): Buffer {
  return createHmac('sha256', key).update(DOMAIN, 'latin1').update(signed).digest().subarray(0, MAC_BYTES)
}

function addressBytes(sender: Sender | undefined): Buffer {
  const bytes = Buffer.alloc(ADDRESS_BYTES)
  if (sender === undefined) return bytes
  for (const [index, part] of sender.address.split('.').entries()) if (index < 4) bytes[index] = Number(part)
  bytes.writeUInt16BE(sender.port, 4)
  return bytes
}
