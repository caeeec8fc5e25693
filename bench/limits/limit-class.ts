import type { TransferRateChange, TransferSample } from '../engines/transfer-orders.ts'

/** A limit, and a transfer that it alone holds back. */
export interface LimitClass {
  readonly name: string
  readonly limit: keyof TransferRateChange
  /** Which end has the limit. */
  readonly at: 'sender' | 'receiver'
  readonly sender: 'origin' | 'peer'
  readonly receivers: number
  readonly racks: { readonly sender: string; readonly receivers: string } | undefined
  /** What a receiver has got from the sender. */
  readonly received: (sample: TransferSample) => number
}

const fromAnybody = ({ fromOriginBytes, fromPeersBytes }: TransferSample) => fromOriginBytes + fromPeersBytes
const one = { receivers: 1, racks: undefined, received: fromAnybody }

export const LIMIT_CLASSES: readonly LimitClass[] = [
  {
    ...{ ...one, name: 'seedEgress', limit: 'upBytesPerSecond', at: 'sender', sender: 'origin' },
    // They pass on to each other what they have: only what came from the origin counts.
    ...{ receivers: 2, received: ({ fromOriginBytes }) => fromOriginBytes },
  },
  { ...one, name: 'nodeUp', limit: 'upBytesPerSecond', at: 'sender', sender: 'peer' },
  { ...one, name: 'nodeDown', limit: 'downBytesPerSecond', at: 'receiver', sender: 'origin' },
  {
    ...{ ...one, name: 'crossRack', limit: 'crossRackBytesPerSecond', at: 'sender', sender: 'peer' },
    racks: { sender: 'rack-a', receivers: 'rack-b' },
  },
  {
    ...{ ...one, name: 'inRack', limit: 'inRackBytesPerSecond', at: 'sender', sender: 'peer' },
    racks: { sender: 'rack-a', receivers: 'rack-a' },
  },
  {
    ...{ ...one, name: 'crossRackDown', limit: 'crossRackDownBytesPerSecond', at: 'receiver', sender: 'peer' },
    racks: { sender: 'rack-a', receivers: 'rack-b' },
  },
  { ...one, name: 'layer', limit: 'layerBytesPerSecond', at: 'receiver', sender: 'origin' },
  { ...one, name: 'prefetch', limit: 'prefetchBytesPerSecond', at: 'receiver', sender: 'origin' },
]
