import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type Server, type Socket } from 'node:net'
import {
  Bitfield,
  BLOCK_HEADROOM_BYTES,
  type BlockBuffer,
  BlockBuffers,
  blockCount,
  blockSize,
  type Clock,
  type Manifest,
  steadyClock,
  TransferLimits,
  type TransferPlace,
  type TransferRates,
} from '@shoal/core'
import type { Undo } from '../../../../test/harness/undo.ts'
import type { LaneChannel } from '../../src/lane/lane-channel.ts'
import { LaneClient } from '../../src/lane/lane-client.ts'
import { createLaneContext, type LaneContext } from '../../src/lane/lane-context.ts'
import { LaneServer } from '../../src/lane/lane-server.ts'
import type { LaneUploadHandle } from '../../src/lane/lane-upload.ts'
import { LaneWatch } from '../../src/lane/lane-watch.ts'
import { DEFAULT_LAYER_TERMS, type LayerTerms } from '../../src/layer-terms.ts'
import { TurnOrder, type TurnShare } from '../../src/scheduler/turn-order.ts'
import type { SwarmLayer } from '../../src/swarm-layer.ts'

const BLOCK_BYTES = 64 * 1024

export const newPeerId = () => randomBytes(20).toString('hex')

/** A layer of which only bytes and presence matter; blocks are read at once, or later when `isSlow`. */
export class TestLayer implements SwarmLayer {
  readonly manifest: Manifest
  readonly torrent = new Uint8Array()
  readonly present: Bitfield
  readonly presentBytes = 0
  readonly buffers: BlockBuffers
  readonly data: Buffer
  readonly #isSlow: boolean

  constructor(buffers: BlockBuffers, blocks: number, { isSlow = false, blockBytes = BLOCK_BYTES } = {}) {
    // The last block is shorter.
    const sizeBytes = blocks * blockBytes - 100
    this.data = randomBytes(sizeBytes)
    this.manifest = {
      sizeBytes,
      blockLengthBytes: blockBytes,
      pieceLengthBytes: blockBytes,
      infoHash: createHash('sha1').update(this.data).digest('hex'),
    } as Manifest
    this.buffers = buffers
    this.present = new Bitfield(blocks)
    this.present.setAll()
    this.#isSlow = isSlow
  }

  get blockCount(): number {
    return blockCount(this.manifest)
  }

  readBlock(block: number): BlockBuffer | Promise<BlockBuffer> {
    if (this.#isSlow) return new Promise((resolve) => setImmediate(() => resolve(this.#fill(block))))
    return this.#fill(block)
  }

  bytesOf(block: number): Buffer {
    const at = block * this.manifest.blockLengthBytes
    return this.data.subarray(at, at + blockSize(this.manifest, block))
  }

  writeBlocks = async () => {}
  writeBlock = async () => {}
  read = async () => new Uint8Array()
  flush = async () => {}

  #fill(block: number): BlockBuffer {
    const buffer = this.buffers.acquire()
    if (buffer === undefined) throw new Error('no buffer')
    this.bytesOf(block).copy(buffer.bytes, BLOCK_HEADROOM_BYTES)
    return buffer
  }
}

/** What a source does with a layer on one channel. */
export class TestUpload {
  readonly layer: TestLayer
  readonly where: TransferPlace
  readonly share: TurnShare
  readonly handle: LaneUploadHandle
  choices: number[] = []
  need = Buffer.alloc(0)
  arrivedBlocks = 0
  uploadedBytes = 0
  isClosed = false

  constructor(layer: TestLayer, handle: LaneUploadHandle, place: { where: TransferPlace; share: TurnShare }) {
    this.layer = layer
    this.handle = handle
    this.where = place.where
    this.share = place.share
  }

  choose(): number | undefined {
    return this.choices.shift()
  }

  onNeed(pieces: Uint8Array): void {
    this.need = Buffer.from(pieces)
  }

  onArrived(blocks: number): void {
    this.arrivedBlocks += blocks
  }

  onUpload(bytes: number): void {
    this.uploadedBytes += bytes
  }

  onClose(): void {
    this.isClosed = true
  }
}

export interface Source {
  readonly host: string
  readonly port: number
  readonly context: LaneContext
  readonly limits: TransferLimits
  readonly server: LaneServer
  readonly layers: TestLayer[]
  /** By client and layer, in the order of joining. */
  readonly uploads: TestUpload[]
}

export interface SourceOptions {
  readonly bufferCount?: number
  readonly rates?: Partial<TransferRates>
  readonly where?: TransferPlace
  readonly choices?: readonly number[]
  /** On which terms a layer is given; all alike by default. */
  readonly termsOf?: (layer: TestLayer) => Partial<LayerTerms>
  /** What lanes are watched by. */
  readonly watchClock?: Clock
}

/** A listening source that gives whatever is put into `layers`. At the end of the test no buffer may be in use. */
export async function startSource(undo: Undo, host: string, options: SourceOptions = {}): Promise<Source> {
  const buffers = new BlockBuffers({ count: options.bufferCount ?? 32 })
  const context = {
    ...createLaneContext({ clock: steadyClock, buffers }),
    watch: new LaneWatch(options.watchClock ?? steadyClock),
  }
  const limits = new TransferLimits(steadyClock, options.rates)
  const layers: TestLayer[] = []
  const uploads: TestUpload[] = []
  const order = new TurnOrder()
  const shares = new Map<TestLayer, TurnShare>()
  const shareOf = (layer: TestLayer) => {
    const share = shares.get(layer) ?? order.join({ ...DEFAULT_LAYER_TERMS, ...options.termsOf?.(layer) })
    shares.set(layer, share)
    return share
  }
  const server = new LaneServer({
    ...context,
    limits,
    order,
    resolve: (_client, infoHash) => {
      const layer = layers.find(({ manifest }) => manifest.infoHash === infoHash)
      if (layer === undefined) return undefined
      return (handle) => {
        const upload = new TestUpload(layer, handle, { where: options.where ?? 'unknown', share: shareOf(layer) })
        upload.choices = [...(options.choices ?? [])]
        uploads.push(upload)
        return upload
      }
    },
  })
  const listener = await listen(undo, host, (socket) => {
    let first: Buffer = Buffer.alloc(0)
    socket.on('error', () => {})
    socket.on('data', function onData(chunk: Buffer) {
      first = Buffer.concat([first, chunk])
      if (first.length < 48) return
      socket.removeListener('data', onData)
      server.accept(socket, first)
    })
  })
  undo.after(async () => {
    server.close()
    await allReleased(buffers)
  })
  return { host, port: portOf(listener), context, limits, server, layers, uploads }
}

export async function listen(undo: Undo, host: string, onSocket: (socket: Socket) => void): Promise<Server> {
  const server = createServer(onSocket).listen(0, host)
  await once(server, 'listening')
  undo.after(() => new Promise((resolve) => server.close(resolve)))
  return server
}

export function portOf(server: Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

/** A lane to a source, with buffers of its own unless given. */
export function connectLane(
  undo: Undo,
  source: Pick<Source, 'host' | 'port'> & { server?: LaneServer },
  options: { context?: LaneContext; localHost?: string; peerId?: string; token?: Buffer } = {},
): LaneClient {
  const context = options.context ?? newContext(undo)
  const peerId = options.peerId ?? newPeerId()
  const lane = new LaneClient(context, {
    host: source.host,
    port: source.port,
    localHost: options.localHost ?? source.host,
    peerId,
    token: options.token ?? source.server?.token(peerId) ?? Buffer.alloc(16),
  })
  undo.after(async () => lane.close())
  return lane
}

/** At the end of the test none of its buffers may be in use. */
export function newContext(undo: Undo, bufferCount = 32): LaneContext {
  const buffers = new BlockBuffers({ count: bufferCount })
  undo.after(() => allReleased(buffers))
  return createLaneContext({ clock: steadyClock, buffers })
}

/** Resolves when nobody uses a buffer: at once, or when the sockets have said that they took or lost the last. */
async function allReleased(buffers: BlockBuffers): Promise<void> {
  const deadline = Date.now() + 5000
  while (buffers.usedCount > 0) {
    if (Date.now() > deadline) throw new Error(`${buffers.usedCount} buffers are still in use`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Everything that happens on a channel, and the blocks that came, compared with what they have to be. */
export class Download {
  readonly layer: TestLayer
  readonly channel: LaneChannel
  /** In the order of their coming. */
  readonly blocks: number[] = []
  readonly chosen: number[] = []
  readonly rejected: number[] = []
  readonly haves: number[] = []
  bytes = 0
  badBlocks = 0
  isClosed = false
  /** Called for each of the events above. */
  onEvent: () => void = () => {}
  /** When set, blocks are kept and not released. */
  kept: BlockBuffer[] | undefined

  constructor(lane: LaneClient, layer: TestLayer) {
    this.layer = layer
    this.channel = lane.join(
      { infoHash: layer.manifest.infoHash, geometry: layer.manifest },
      {
        onBytes: (bytes) => {
          this.bytes += bytes
        },
        onBlock: (block, buffer, length, isChosen) => {
          if (!buffer.payload(length).equals(layer.bytesOf(block))) this.badBlocks += 1
          const list = isChosen ? this.chosen : this.blocks
          list.push(block)
          if (this.kept === undefined) buffer.release()
          else this.kept.push(buffer)
          this.onEvent()
        },
        onReject: (block, count) => {
          for (let index = 0; index < count; index += 1) this.rejected.push(block + index)
          this.onEvent()
        },
        onHave: (pieces) => {
          this.haves.push(...pieces)
          this.onEvent()
        },
        onClose: () => {
          this.isClosed = true
          this.onEvent()
        },
      },
    )
  }

  /** Resolves when it is so; asked after each event. */
  until(isSo: () => boolean, what = isSo.toString()): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`in vain: ${what}`)), 10_000)
      this.onEvent = () => {
        if (!isSo()) return
        clearTimeout(timer)
        this.onEvent = () => {}
        resolve()
      }
      this.onEvent()
    })
  }

  /** Asks for all blocks, `window` at a time, and resolves when they are here. */
  async all(window = 16): Promise<void> {
    const { blockCount: count } = this.layer
    let next = 0
    await this.until(() => {
      for (; next < count && this.channel.requestedBlocks < window; next += 1) this.channel.request(next, 1)
      return this.blocks.length === count
    })
  }
}
