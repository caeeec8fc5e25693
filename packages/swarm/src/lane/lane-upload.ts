import type { TransferPlace } from '@shoal/core'
import type { TurnShare } from '../scheduler/turn-order.ts'
import type { SwarmLayer } from '../swarm-layer.ts'

/** One layer for one client: what the lane asks of the layer's swarm. */
export interface LaneUpload {
  readonly layer: SwarmLayer
  readonly where: TransferPlace
  /** Its place in the order of what is sent. */
  readonly share: TurnShare
  /**
   * The block that the source sends next of its own choice; `undefined` when there is none now. Asked again after
   * {@link LaneUploadHandle.wake} and after what the client says. A block that turns out to be absent is passed over.
   */
  choose(): number | undefined
  /** The pieces that the client would take: a bitfield as BEP 3 has it. It changes with the next call: copy what is to be kept. */
  onNeed(pieces: Uint8Array): void
  /** So many more of the chosen blocks are at the client. */
  onArrived(blocks: number): void
  /** Payload that the socket took. */
  onUpload(bytes: number): void
  /** The channel is closed, whoever closed it. Nothing is asked of it any more. */
  onClose(): void
}

/** The same for the other direction: what the layer's swarm tells the client. All of it does nothing once the channel is closed. */
export interface LaneUploadHandle {
  /** A piece became whole here. */
  have(piece: number): void
  /** There may be a block to choose again. */
  wake(): void
  /** The layer is not given to this client any more. */
  close(): void
}

export type LaneUploadFactory = (handle: LaneUploadHandle) => LaneUpload
