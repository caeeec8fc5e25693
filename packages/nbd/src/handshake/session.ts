import type { Socket } from 'node:net'
import { checkDevice } from '../check-device.ts'
import type { Export, Exports } from '../exports.ts'
import { OPTION, OPTION_REPLY } from '../protocol.ts'
import type { OptionChannel } from './option-channel.ts'
import type { NbdTls } from './start-tls.ts'

export interface HandshakeDeps {
  readonly exports: Exports
  /** TLS, which is then asked of every client. */
  readonly tls?: NbdTls | undefined
  /** Aborted when the client is gone. */
  readonly signal: AbortSignal
  /** Whether the server is shutting down. */
  readonly isClosing: () => boolean
}

/** What a connection goes on with. */
export interface Negotiated {
  /** As it came, or encrypted; paused. */
  readonly socket: Socket
  readonly found: Export
  readonly isStructured: boolean
  /** Whether the client may ask for the status of blocks. */
  readonly hasAllocation: boolean
  /** What came behind the last option. */
  readonly rest: Buffer
}

/** After an option: what it led to, or whether the two go on or part. */
export type Outcome = Negotiated | 'next' | 'leave'

export type OptionHandler = (session: Session, option: number, data: Buffer) => Promise<Outcome>

/** What a client and the server have agreed on so far. */
export class Session {
  readonly deps: HandshakeDeps
  readonly isPadded: boolean
  channel: OptionChannel
  isEncrypted = false
  isStructured = false
  /** Name of the export for which the client selected `base:allocation`. */
  allocationOf: string | undefined

  constructor(deps: HandshakeDeps, channel: OptionChannel, { isPadded }: { isPadded: boolean }) {
    this.deps = deps
    this.channel = channel
    this.isPadded = isPadded
  }

  /** `NBD_OPT_EXPORT_NAME` has no reply that says no: the connection ends. */
  async refuse(option: number, type: number): Promise<Outcome> {
    if (option === OPTION.exportName) return 'leave'
    await this.channel.reply(option, type)
    return 'next'
  }

  async acknowledge(option: number): Promise<Outcome> {
    await this.channel.reply(option, OPTION_REPLY.ack)
    return 'next'
  }

  /** An export that the caller releases. */
  async find(name: string): Promise<Export | undefined> {
    const found = await this.deps.exports.find(name, { signal: this.deps.signal })
    if (found === undefined) return undefined
    try {
      checkDevice(found.device)
    } catch (error) {
      found.release()
      throw error
    }
    return found
  }

  /** Sends the last replies of the handshake. */
  async enter(found: Export, replies: readonly Buffer[]): Promise<Outcome> {
    const rest = this.channel.stop()
    try {
      await this.channel.send(replies)
    } catch (error) {
      found.release()
      throw error
    }
    const { isStructured } = this
    const hasAllocation = isStructured && this.allocationOf === found.name
    return { socket: this.channel.socket, found, isStructured, hasAllocation, rest }
  }
}
