import type { TransferLimits, TransferRates } from '@shoal/core'

/** What a bench that has a channel to the process may send. */
export interface TransferOrder {
  readonly rates: Partial<TransferRates>
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

/** Sets limits when the parent process says so, and tells it what was sent and received. Without a channel it does nothing. */
export function obeyTransferOrders(limits: TransferLimits, counters: () => Counters | undefined): void {
  if (process.send === undefined) return
  const tell = (isChange: boolean) => {
    const { uploadedBytes = 0, fromOriginBytes = 0, fromPeersBytes = 0 } = counters() ?? {}
    const atMs = Number(process.hrtime.bigint()) / 1e6
    const sample: TransferSample = { atMs, isChange, uploadedBytes, fromOriginBytes, fromPeersBytes }
    process.send?.(sample)
  }
  process.once('message', () => setInterval(() => tell(false), SAMPLE_MS))
  process.on('message', ({ rates }: TransferOrder) => {
    limits.set(rates)
    tell(true)
  })
}
