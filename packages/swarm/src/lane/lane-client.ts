import { connect, type Socket } from 'node:net'
import type { RefusalReason } from '../auth/swarm-identity.ts'
import type { BlockIntake } from './block-intake.ts'
import { ClientChannel } from './client-channel.ts'
import { FRAME, type FrameHeader, MAX_CHANNELS, MAX_NAMED_PER_SECOND, namedBy } from './frame.ts'
import { FrameWriter } from './frame-writer.ts'
import type { LaneChannel, LaneChannelEvents, LaneLayer } from './lane-channel.ts'
import { LaneOpening } from './lane-greeting.ts'
import { LaneInput } from './lane-input.ts'
import { HeldOutput, laneOutput } from './lane-output.ts'
import { encodeLanePreamble } from './lane-preamble.ts'
import { LaneReceiver } from './lane-receiver.ts'
import { type LaneWatch, Stillness } from './lane-watch.ts'

/** From here on in seconds, as they are counted by {@link LaneWatch}. */
const CONNECT_TIMEOUT = 5
const MID_FRAME_TIMEOUT = 10
const MID_BLOCK_TIMEOUT = 30
/** A block that takes so long while others wait for a buffer holds up the whole node: this is 26 KB/s. */
const PRESSED_BLOCK_TIMEOUT = 10
/** Before the source's own time is up. */
const NO_CHANNEL_TIMEOUT = 30

/** What all lanes of a process share. */
export interface LaneClientDeps {
  readonly intake: BlockIntake
  readonly watch: LaneWatch
}

export interface LaneClientOptions {
  readonly host: string
  readonly port: number
  /** Address to connect from. */
  readonly localHost: string
  /** Our own, 40 hexadecimal digits. */
  readonly peerId: string
  /** The one that the source gave to this peer id. */
  readonly token: Buffer
  /** Who we are to the source, where daemons have credentials, and whether payload has to come encrypted. */
  readonly auth?: { readonly node: string; readonly wantsSealed: boolean } | undefined
}

/** The receiving end of a lane: takes blocks of any number of layers from one source. */
export class LaneClient {
  /** Called once, when the lane has ended for whatever reason and after the channels heard of it. */
  onClose: () => void = () => {}
  /** Called before that when it was not the source who spoke. */
  onRefused: (reason: RefusalReason) => void = () => {}
  readonly #deps: LaneClientDeps
  readonly #socket: Socket
  readonly #writer: FrameWriter
  readonly #receiver: LaneReceiver
  /** Between socket and receiver, where daemons have credentials. */
  readonly #input: LaneInput | undefined
  readonly #channels = new Map<number, ClientChannel>()
  readonly #connecting = new Stillness()
  readonly #midFrame = new Stillness()
  readonly #midBlock = new Stillness()
  readonly #slowBlock = new Stillness()
  readonly #idle = new Stillness()
  /** Whether it was closed because nobody used it. */
  wasIdle = false
  #isClosed = false
  #namedThisSecond = 0

  constructor(deps: LaneClientDeps, options: LaneClientOptions) {
    this.#deps = deps
    this.#receiver = new LaneReceiver(deps.intake, {
      onBlock: (header) => this.#channels.get(header.channel)?.onBlock(header),
      isLeft: (channel) => this.#channels.get(channel)?.isClosed === true,
      onControl: (header, payload) => this.#onControl(header, payload),
      onBroken: () => this.close(),
    })
    const { host, port, localHost, auth } = options
    const opening = auth === undefined ? undefined : new LaneOpening({ ...options, ...auth })
    const held = new HeldOutput()
    if (opening !== undefined) {
      this.#input = new LaneInput(this.#receiver, {
        onAnswer: (answer) => {
          const keys = opening.onAnswer(answer)
          if (keys === undefined) return false
          held.open(laneOutput(this.#socket, keys.client))
          return keys.source
        },
        onBroken: (reason) => {
          this.onRefused(reason)
          this.close()
        },
      })
    }
    this.#socket = connect({
      host,
      port,
      ...(localHost === '0.0.0.0' || localHost === '::' ? {} : { localAddress: localHost }),
      noDelay: true,
      onread: (this.#input ?? this.#receiver).onread,
    })
    const reader = this.#input ?? this.#receiver
    reader.attach(this.#socket)
    for (const event of ['error', 'end', 'close']) this.#socket.on(event, () => this.close())
    this.#socket.write(opening?.greeting ?? encodeLanePreamble(options))
    this.#writer = new FrameWriter(opening === undefined ? laneOutput(this.#socket) : held)
    deps.watch.add(this)
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  /** Opens a channel for a layer. When the lane is closed, or has no channel left, the channel is closed soon after. */
  join(layer: LaneLayer, events: LaneChannelEvents): LaneChannel {
    let channel = 0
    while (this.#channels.has(channel)) channel += 1
    const joined = new ClientChannel({
      channel,
      layer,
      events,
      writer: this.#writer,
      onLeave: () => this.#receiver.leave(channel),
    })
    // A source that does not confirm what was left uses up the numbers: without it there are more than anybody needs.
    if (channel >= MAX_CHANNELS) this.close()
    if (this.#isClosed) queueMicrotask(() => joined.end())
    else this.#channels.set(channel, joined)
    return joined
  }

  close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#deps.watch.delete(this)
    this.#writer.close()
    this.#socket.destroy()
    this.#receiver.close()
    for (const channel of this.#channels.values()) channel.end()
    this.#channels.clear()
    this.onClose()
  }

  /** Called every second. */
  check(): void {
    this.#namedThisSecond = 0
    const { begunBlocks, isMidBlock } = this.#receiver
    const { receivedBytes } = this.#input ?? this.#receiver
    const isMidFrame = this.#receiver.isMidFrame || this.#input?.isMidRecord === true
    const isOpening = this.#socket.connecting || this.#input?.isAnswered === false
    const isInTheWay = isMidBlock && this.#deps.intake.isPressed
    this.wasIdle = this.#idle.seconds(this.#isUnused, 0) >= NO_CHANNEL_TIMEOUT
    const isLate =
      this.#connecting.seconds(isOpening, 0) >= CONNECT_TIMEOUT ||
      this.#midFrame.seconds(isMidFrame, receivedBytes) >= MID_FRAME_TIMEOUT ||
      this.#midBlock.seconds(isMidBlock, receivedBytes) >= MID_BLOCK_TIMEOUT ||
      this.#slowBlock.seconds(isInTheWay, begunBlocks) >= PRESSED_BLOCK_TIMEOUT
    if (isLate || this.wasIdle) this.close()
  }

  get #isUnused(): boolean {
    for (const { isClosed } of this.#channels.values()) if (!isClosed) return false
    return true
  }

  #onControl(header: FrameHeader, payload: Buffer): boolean {
    this.#namedThisSecond += namedBy(header)
    const joined = this.#channels.get(header.channel)
    if (joined === undefined || this.#namedThisSecond > MAX_NAMED_PER_SECOND) return false
    if (header.type === FRAME.closed) {
      this.#receiver.leave(header.channel)
      this.#channels.delete(header.channel)
      joined.end()
      return true
    }
    return joined.isClosed || joined.onControl(header, payload)
  }
}
