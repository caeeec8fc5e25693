import type { Socket } from 'node:net'
import { type BlockBuffer, blockSize, type TransferLimits } from '@shoal/core'
import type { RecordOpener } from '../auth/record-opener.ts'
import type { DirectionKey } from '../auth/session-keys.ts'
import { BlockSender } from './block-sender.ts'
import {
  FLAG,
  FRAME,
  type FrameHeader,
  isBlockRange,
  MAX_CHANNELS,
  MAX_LANE_BLOCKS,
  MAX_NAMED_PER_SECOND,
  MAX_REQUESTED_BLOCKS,
  namedBy,
} from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import { HaveQueue, type HaveTimer } from './have-queue.ts'
import { laneOutput } from './lane-output.ts'
import type { LaneUploadFactory } from './lane-upload.ts'
import { type LaneWatch, Stillness } from './lane-watch.ts'
import type { NextTurn, Sender, SendTurn, SendTurns } from './send-turns.ts'
import { type NextBlock, UploadChannel } from './upload-channel.ts'

/** Blocks that were read and that the socket has not taken. */
const MAX_UNDER_WAY = 2
/** Control that waits for a client which does not read: HAVEs are held back from here on, and there it is closed. */
const MAX_WAITING_HAVE_BYTES = 64 * 1024
const MAX_WAITING_CONTROL_BYTES = 1024 * 1024
/** From here on in seconds, as they are counted by {@link LaneWatch}. */
const MID_FRAME_TIMEOUT = 10
const TAKE_TIMEOUT = 30
const PRESSED_TAKE_TIMEOUT = 5
const NO_CHANNEL_TIMEOUT = 60

export interface ServerLaneDeps {
  readonly limits: TransferLimits
  readonly turns: SendTurns
  readonly watch: LaneWatch
  readonly haveTimer: HaveTimer
  readonly resolve: (infoHash: string) => LaneUploadFactory | undefined
  readonly onClose: () => void
  /** What came broke a bound, or the protocol; the lane is closed. */
  readonly onMalformed?: () => void
  /** How the client's records are opened; `undefined` where nobody has credentials. */
  readonly opener?: RecordOpener | undefined
  /** What is sent is sealed with this; `undefined` when it goes out plainly. */
  readonly sealKey?: DirectionKey | undefined
  /** Something came that the client did not send. */
  readonly onTampered?: () => void
}

/** The sending end of one lane. */
export class ServerLane implements Sender {
  readonly #deps: ServerLaneDeps
  readonly #socket: Socket
  readonly #writer: FrameWriter
  readonly #reader: FrameReader
  readonly #haves: HaveQueue
  readonly #sender: BlockSender
  readonly #ended = new AbortController()
  /** In the order in which they take turns. */
  readonly #channels = new Map<number, UploadChannel>()
  readonly #midFrame = new Stillness()
  readonly #taking = new Stillness()
  readonly #idle = new Stillness()
  #underWay = 0
  /** A block is on its way to the socket: the next begins after it. */
  #isSending = false
  #namedThisSecond = 0

  constructor(deps: ServerLaneDeps, socket: Socket) {
    this.#deps = deps
    this.#socket = socket
    const output = laneOutput(socket, deps.sealKey)
    this.#writer = new FrameWriter(output)
    this.#reader = new FrameReader((header, payload) => this.#onFrame(header, payload))
    this.#haves = new HaveQueue(
      deps.haveTimer,
      (channel, pieces) => this.#writer.pushHave(FRAME.have, channel, pieces),
      () => this.#writer.unsentBytes < MAX_WAITING_HAVE_BYTES,
    )
    this.#sender = new BlockSender({
      ...{ socket, output, writer: this.#writer },
      limits: deps.limits,
      signal: this.#ended.signal,
    })
    socket.setNoDelay(true)
    for (const event of ['error', 'end', 'close']) socket.on(event, () => this.close())
    deps.watch.add(this)
  }

  /** Reads the frames that are here, and then the socket. */
  start(first: Buffer): void {
    this.#onFrames(first)
    if (!this.#ended.signal.aborted) this.#socket.on('data', (chunk) => this.#onData(chunk))
  }

  close(): void {
    if (this.#ended.signal.aborted) return
    this.#ended.abort()
    this.#deps.watch.delete(this)
    this.#deps.turns.forget(this)
    this.#haves.close()
    this.#writer.close()
    this.#socket.destroy()
    for (const channel of [...this.#channels.values()]) this.#endChannel(channel)
    this.#deps.onClose()
  }

  /** Called every second. */
  check(): void {
    this.#namedThisSecond = 0
    const isDue = this.#sender.isDue || this.#writer.unsentBytes > 0
    const taken = this.#sender.takenBytes + this.#writer.sentBytes
    const takeTimeout = this.#deps.turns.isPressed ? PRESSED_TAKE_TIMEOUT : TAKE_TIMEOUT
    const isLate =
      this.#midFrame.seconds(
        this.#reader.isMidFrame || this.#deps.opener?.isMidRecord === true,
        this.#socket.bytesRead,
      ) >= MID_FRAME_TIMEOUT ||
      this.#taking.seconds(isDue, taken) >= takeTimeout ||
      this.#idle.seconds(this.#channels.size === 0, 0) >= NO_CHANNEL_TIMEOUT
    if (isLate) this.close()
  }

  peek(): NextTurn | undefined {
    const first = this.#first()
    if (first === undefined) return undefined
    const { where, share } = first.upload
    return { where, share, isUrgent: first.rank === 0 }
  }

  send(turn: SendTurn): boolean {
    for (let channel = this.#first(); channel !== undefined; channel = this.#first()) {
      const next = channel.next()
      if (next === undefined) continue
      if (!channel.upload.layer.present.has(next.block)) {
        this.#fail(channel, next)
        continue
      }
      this.#channels.delete(channel.channel)
      this.#channels.set(channel.channel, channel)
      const { share, layer } = channel.upload
      this.#deps.turns.taken(share, blockSize(layer.manifest, next.block))
      this.#isSending = true
      this.#underWay += 1
      this.#read(channel, next, turn)
      return true
    }
    return false
  }

  #read(channel: UploadChannel, next: NextBlock, turn: SendTurn): void {
    const onHanded = () => {
      this.#isSending = false
      // It asks for its next turn first: whose turn it is then is chosen among all.
      this.#pump()
      turn.handed()
    }
    const onEnd = (buffer: BlockBuffer | undefined) => {
      buffer?.release()
      this.#underWay -= 1
      turn.ended()
      this.#pump()
    }
    const onRead = (buffer: BlockBuffer) => {
      // They travel with the block at no cost.
      this.#haves.flushNow()
      this.#sender.send({ channel, next, buffer, onHanded, onEnd: () => onEnd(buffer) })
    }
    const onFailed = () => {
      this.#isSending = false
      this.#fail(channel, next)
      onEnd(undefined)
    }
    try {
      const read = channel.upload.layer.readBlock(next.block, next.ahead)
      if (read instanceof Promise) read.then(onRead, onFailed)
      else onRead(read)
    } catch {
      onFailed()
    }
  }

  /** A block cannot be sent: it is absent, or its disk fails. */
  #fail(channel: UploadChannel, { block, isChosen }: NextBlock): void {
    if (isChosen) channel.unchoose()
    else this.#reject(channel, block, 1)
  }

  #reject({ channel, isOpen }: UploadChannel, first: number, count: number): void {
    if (isOpen) this.#writer.push({ type: FRAME.reject, channel, a: first, b: count })
  }

  /**
   * The channel whose block is the next: urgent ones, then in the order of their layers, then what was asked for; of those that are equal
   * the one whose turn was longest ago.
   */
  #first(): UploadChannel | undefined {
    let first: UploadChannel | undefined
    let firstRank = Number.POSITIVE_INFINITY
    for (const channel of this.#channels.values()) {
      const { rank } = channel
      if (rank === undefined) continue
      if (first !== undefined && !this.#isBefore(channel, rank, first, firstRank)) continue
      first = channel
      firstRank = rank
    }
    return first
  }

  #isBefore(one: UploadChannel, onesRank: number, other: UploadChannel, othersRank: number): boolean {
    if (onesRank === 0 || othersRank === 0) return onesRank < othersRank
    const order = this.#deps.turns.compare(one.upload.share, other.upload.share)
    return order === 0 ? onesRank < othersRank : order < 0
  }

  #pump(): void {
    if (this.#ended.signal.aborted || this.#isSending || this.#underWay >= MAX_UNDER_WAY) return
    if (this.#first() !== undefined) this.#deps.turns.ask(this)
  }

  #onData(chunk: Buffer): void {
    const { opener, onTampered } = this.#deps
    const frames = opener === undefined ? chunk : opener.push(chunk)
    if (frames === undefined) {
      onTampered?.()
      this.close()
    } else this.#onFrames(frames)
  }

  #onFrames(chunk: Buffer): void {
    const isOk = this.#reader.read(chunk) && this.#writer.unsentBytes <= MAX_WAITING_CONTROL_BYTES
    if (isOk) this.#pump()
    else if (!this.#ended.signal.aborted) {
      this.#deps.onMalformed?.()
      this.close()
    }
  }

  /** False when the client must not send this, or the lane is closed meanwhile. */
  #onFrame(header: FrameHeader, payload: Buffer): boolean {
    this.#namedThisSecond += namedBy(header)
    if (this.#namedThisSecond > MAX_NAMED_PER_SECOND) return false
    const isKnown = header.type >= FRAME.join && header.type <= FRAME.arrived
    if (!isKnown || (header.flags & ~(header.type === FRAME.request ? FLAG.urgent : 0)) !== 0) return false
    const channel = this.#channels.get(header.channel)
    if (header.type === FRAME.join) return channel === undefined && this.#join(header.channel, payload.toString('hex'))
    // What was under way when the channel closed.
    if (channel === undefined) return true
    return this.#onChannelFrame(channel, header, payload) && !this.#ended.signal.aborted
  }

  #onChannelFrame(channel: UploadChannel, header: FrameHeader, payload: Buffer): boolean {
    switch (header.type) {
      case FRAME.leave:
        this.#endChannel(channel)
        return true
      case FRAME.want:
        return header.a > 0 && header.a <= MAX_REQUESTED_BLOCKS && channel.want(header.a)
      case FRAME.arrived:
        return header.a > 0 && channel.arrived(header.a)
      case FRAME.need:
        // However short it is, all of what is needed is looked at again.
        this.#namedThisSecond += channel.needNames
        return channel.need(header.a, payload)
    }
    return isBlockRange(header, channel.blockCount) && this.#onBlocks(channel, header)
  }

  #onBlocks(channel: UploadChannel, { type, flags, a: first, b: count }: FrameHeader): boolean {
    if (type === FRAME.request) {
      let waiting = count
      for (const { requestedBlocks } of this.#channels.values()) waiting += requestedBlocks
      return waiting <= MAX_LANE_BLOCKS && channel.request(first, count, flags === FLAG.urgent)
    }
    let from = first
    for (let block = first; block <= first + count; block += 1) {
      if (type === FRAME.urge && block < first + count) channel.urge(block)
      if (type === FRAME.cancel && block < first + count && channel.cancel(block)) continue
      // The run of cancelled blocks before this one is over.
      if (block > from) this.#reject(channel, from, block - from)
      from = block + 1
    }
    return true
  }

  #join(number: number, infoHash: string): boolean {
    if (this.#channels.size >= MAX_CHANNELS) return false
    const create = this.#deps.resolve(infoHash)
    if (create === undefined) {
      this.#writer.push({ type: FRAME.closed, channel: number })
      return true
    }
    let joined: UploadChannel | undefined
    let isClosedEarly = false
    const upload = create({
      have: (piece) => {
        if (joined?.isOpen === true) this.#haves.add(number, piece, joined.upload.where === 'in-rack')
      },
      wake: () => {
        if (joined?.isOpen !== true) return
        joined.wake()
        this.#pump()
      },
      close: () => {
        if (joined === undefined) isClosedEarly = true
        else this.#endChannel(joined)
      },
    })
    joined = new UploadChannel(number, upload)
    this.#channels.set(number, joined)
    if (isClosedEarly || this.#ended.signal.aborted) this.#endChannel(joined)
    return true
  }

  #endChannel(channel: UploadChannel): void {
    if (!channel.isOpen) return
    channel.isOpen = false
    this.#channels.delete(channel.channel)
    this.#haves.forget(channel.channel)
    if (!this.#ended.signal.aborted) this.#writer.push({ type: FRAME.closed, channel: channel.channel })
    channel.upload.onClose()
  }
}
