import type { TransferLimits, TransferRates } from '@shoal/core'

/** What a bench that has a channel to the process may send. */
export interface TransferOrder {
  readonly rates: TransferRateChange
}

/** Limits of the node, and that on what it receives of the layer. */
export interface TransferRateChange extends Partial<TransferRates> {
  readonly layerBytesPerSecond?: number
}

/** What it gets: first once when the order is carried out, then every 100 ms. */
export interface TransferSample {
  /** Milliseconds of the monotonic clock, which all processes of a machine share. */
  readonly atMs: number
  readonly isChange: boolean
  readonly uploadedBytes: number
  readonly fromOriginBytes: number
  readonly fromPeersBytes: number
}

const SAMPLE_MS = 100

interface Counters {
  readonly uploadedBytes: number
  readonly fromOriginBytes: number
  readonly fromPeersBytes: number
}

export interface OrderedTransfer {
  readonly limits: TransferLimits
  readonly counters: () => Counters | undefined
  /** Sets the limit of the layer. */
  readonly setLayerRate: (bytesPerSecond: number) => void
}

/** Sets limits when the parent process says so, and tells it what was sent and received. Without a channel it does nothing. */
export function obeyTransferOrders({ limits, counters, setLayerRate }: OrderedTransfer): void {
  if (process.send === undefined) return
  const tell = (isChange: boolean) => {
    const { uploadedBytes = 0, fromOriginBytes = 0, fromPeersBytes = 0 } = counters() ?? {}
    const atMs = Number(process.hrtime.bigint()) / 1e6
    const sample: TransferSample = { atMs, isChange, uploadedBytes, fromOriginBytes, fromPeersBytes }
    process.send?.(sample)
  }
  process.once('message', () => setInterval(() => tell(false), SAMPLE_MS))
  process.on('message', ({ rates }: TransferOrder) => {
    const { layerBytesPerSecond, ...ofNode } = rates
    limits.set(ofNode)
    if (layerBytesPerSecond !== undefined) setLayerRate(layerBytesPerSecond)
    tell(true)
  })
}
