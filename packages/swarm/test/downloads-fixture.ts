import assert from 'node:assert/strict'
import { EventEmitter } from 'node:events'
import { Bitfield, BLOCK_HEADROOM_BYTES, ManualClock, type ShoalError, silentLogger, TransferLimits } from '@shoal/core'
import type Wire from 'bittorrent-protocol'
import { Downloads } from '../src/downloads.ts'
import { FetchTurns } from '../src/fetch-turns.ts'
import type { LaneChannel, LaneChannelEvents } from '../src/lane/lane-channel.ts'
import { DEFAULT_LAYER_TERMS } from '../src/layer-terms.ts'
import { PeerLink } from '../src/peer-link.ts'
import type { ShoalHello } from '../src/shoal-extension.ts'
import { buildLayer, layerBuffers, storeLayer } from './layer-fixture.ts'

export const PIECE = 64 * 1024
export const PIECES = 16
const { description, data } = buildLayer(PIECES * PIECE)
const NOWHERE = { zone: '', rack: '', lane: undefined }

export interface Asked {
  readonly piece: number
  readonly answer: (error: Error | null, bytes: Uint8Array | null) => void
}

/** The part of a wire that is needed: it unchoked us, and notes what it is asked. */
export class FakeWire extends EventEmitter {
  readonly peerId: string
  readonly peerChoking = false
  readonly destroyed = false
  readonly asked: Asked[] = []

  constructor(peerId: string) {
    super()
    this.peerId = peerId
  }

  request(piece: number, _offset: number, _length: number, answer: Asked['answer']): void {
    this.asked.push({ piece, answer })
    this.emit(`asked ${piece}`)
  }

  cancel(): void {}

  /** Answers everything, as a source with the right bytes does. */
  answerAll(): number[] {
    return this.asked.splice(0).map(({ piece, answer }) => {
      answer(null, bytesOf(piece))
      return piece
    })
  }
}

/** The client's end of a channel, and what the source hears on it. */
export class FakeLane implements LaneChannel {
  readonly isClosed = false
  readonly requestedBlocks = 0
  readonly wantedBlocks = 0
  readonly requested: number[] = []
  readonly urgent: number[] = []
  readonly needs: Uint8Array[] = []
  wanted = 0
  arrivedBlocks = 0
  isLeft = false
  events: LaneChannelEvents | undefined

  readonly join = (events: LaneChannelEvents) => {
    this.events = events
    return this
  }

  request(block: number, count: number, { urgent = false } = {}): void {
    for (let index = 0; index < count; index += 1) (urgent ? this.urgent : this.requested).push(block + index)
  }

  want(blocks: number): void {
    this.wanted += blocks
  }

  need(pieces: Uint8Array): void {
    this.needs.push(pieces)
  }

  arrived(blocks: number): void {
    this.arrivedBlocks += blocks
  }

  cancel(): void {}
  have(): void {}

  close(): void {
    this.isLeft = true
  }

  send(block: number, { isChosen }: { isChosen: boolean }): void {
    const buffer = layerBuffers.acquire()
    assert.ok(buffer !== undefined)
    buffer.bytes.set(bytesOf(block), BLOCK_HEADROOM_BYTES)
    this.events?.onBytes(PIECE)
    this.events?.onBlock(block, buffer, PIECE, isChosen)
  }
}

export async function setUp({ prefetchBytesPerSecond = null as number | null } = {}) {
  const clock = new ManualClock(1000)
  const links: PeerLink[] = []
  const layer = await storeLayer(description)
  const failures: ShoalError[] = []
  const bad: string[] = []
  const downloads = new Downloads({
    clock,
    logger: silentLogger,
    random: () => 0,
    layer,
    own: { node: 'self', zone: '', rack: '' },
    turns: new FetchTurns(clock, new TransferLimits(clock, { prefetchBytesPerSecond })),
    terms: DEFAULT_LAYER_TERMS,
    links: () => links,
    onStored: () => {},
    onBadBlock: (link, block) => bad.push(`${link.host} ${block}`),
    onStoreError: (error) => failures.push(error),
  })
  const connect = (host: string, role: ShoalHello['role'] = 'peer') => {
    const wire = new FakeWire(host)
    const link = new PeerLink({ wire: wire as unknown as Wire, host, dialled: undefined, now: clock.now() })
    links.push(link)
    downloads.add(link)
    link.hello = { ...NOWHERE, role, node: host }
    link.isOpen = true
    link.isKnown = true
    downloads.setPieces(link, allPieces())
    downloads.update(link)
    return { link, wire }
  }
  const drop = (link: PeerLink) => {
    links.splice(links.indexOf(link), 1)
    link.isGone = true
    downloads.remove(link)
  }
  return { clock, layer, downloads, connect, drop, failures, bad }
}

export function allPieces(): Bitfield {
  const pieces = new Bitfield(PIECES)
  pieces.setAll()
  return pieces
}

export const bytesOf = (piece: number) => data.subarray(piece * PIECE, (piece + 1) * PIECE)

/** Lets what is resolved already run. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await new Promise<void>((resolve) => setImmediate(resolve))
}
