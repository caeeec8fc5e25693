import type { Clock, TransferLimits, TransferPlace } from '@shoal/core'
import type { LaneUploadFactory } from './lane/lane-upload.ts'
import type { LayerTerms } from './layer-terms.ts'
import type { OriginTurns } from './origin-turns.ts'
import { type OriginClient, OriginUploads } from './origin-uploads.ts'
import type { PeerLink } from './peer-link.ts'
import type { TurnOrder, TurnShare } from './scheduler/turn-order.ts'
import { isSameRack, type ShoalHello } from './shoal-extension.ts'
import type { SwarmLayer } from './swarm-layer.ts'
import { UploadQueue } from './upload-queue.ts'

export interface LayerUploadsDeps {
  readonly clock: Clock
  readonly layer: SwarmLayer
  readonly limits: TransferLimits
  readonly own: ShoalHello
  readonly terms: LayerTerms
  /** Of what the daemon gives over lanes. */
  readonly order: TurnOrder
  /** Of what it gives of its own choice, as an origin. */
  readonly originTurns: OriginTurns
  readonly onUpload: (bytes: number) => void
}

/** What one layer gives to others: on their wires, and on their lanes to us. */
export class LayerUploads {
  readonly #deps: LayerUploadsDeps
  readonly #origin: OriginUploads | undefined
  readonly #share: TurnShare
  #headBytes: number

  constructor(deps: LayerUploadsDeps) {
    this.#deps = deps
    this.#share = deps.order.join(deps.terms)
    this.#headBytes = deps.terms.bootBytes
    if (deps.own.role !== 'origin') return
    const origin = new OriginUploads(deps.layer, deps.clock)
    this.#origin = origin
    deps.originTurns.add(this.#share, { nextPart: () => origin.nextPart(this.#headBytes) })
  }

  setTerms(terms: LayerTerms): void {
    this.#headBytes = terms.bootBytes
    this.#deps.order.setTerms(this.#share, terms)
  }

  onWire(link: PeerLink): UploadQueue {
    const { layer, limits, onUpload } = this.#deps
    return new UploadQueue({ wire: link.wire, layer, limits, where: () => this.#placeOf(link), onUpload })
  }

  /** `onClose` is called when the lane no longer tells the client what we have. */
  onLane(link: PeerLink, onClose: () => void): LaneUploadFactory {
    return (handle) => {
      link.laneUpload = handle
      const client = this.#origin?.add(() => handle.wake())
      const placeOf = () => this.#placeOf(link)
      return {
        layer: this.#deps.layer,
        share: this.#share,
        // It may say where it is only after it joined: its wire is another connection than its lane.
        get where() {
          return placeOf()
        },
        choose: () => (client === undefined ? undefined : this.#choose(client)),
        onNeed: (pieces) => client !== undefined && this.#origin?.need(client, pieces),
        onArrived: (blocks) => client !== undefined && this.#origin?.arrived(client, blocks),
        onUpload: this.#deps.onUpload,
        onClose: () => {
          link.laneUpload = undefined
          if (client !== undefined) this.#origin?.remove(client)
          onClose()
        },
      }
    }
  }

  /** A piece became whole here. */
  have({ laneUpload, isOpen, source, wire }: PeerLink, piece: number): void {
    // Whoever has it itself does not ask for it, and hears of it at the end, in a bitfield.
    if (source?.pieces.has(piece) === true) return
    if (laneUpload !== undefined) laneUpload.have(piece)
    else if (isOpen) wire.have(piece)
  }

  close(): void {
    this.#origin?.close()
    this.#deps.originTurns.remove(this.#share)
    this.#deps.order.leave(this.#share)
  }

  #choose(client: OriginClient): number | undefined {
    const { originTurns } = this.#deps
    if (!originTurns.mayGive(this.#share)) return undefined
    const block = this.#origin?.choose(client)
    if (block !== undefined) originTurns.gave(this.#share)
    return block
  }

  #placeOf({ hello }: PeerLink): TransferPlace {
    const isSame = hello === undefined ? undefined : isSameRack(this.#deps.own, hello)
    if (isSame === undefined) return 'unknown'
    return isSame ? 'in-rack' : 'cross-rack'
  }
}
