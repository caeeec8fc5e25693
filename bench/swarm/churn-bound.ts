/** What is left to do at some moment. Rates are of payload, in bytes per second. */
export interface ChurnRemainder {
  readonly sizeBytes: number
  /** What the seed had sent by then. All of it is taken to be with those who go on, which makes the bound strict. */
  readonly seedSentBytes: number
  readonly seedUp: number
  /** Those who go on or come. */
  readonly peers: readonly { readonly hasBytes: number; readonly up: number; readonly down: number }[]
}

/** The least time in which the last of them can have the layer: the fluid bound of what remains. */
export function remainingBoundSeconds({ sizeBytes, seedSentBytes, seedUp, peers }: ChurnRemainder): number {
  const lacking = peers.map(({ hasBytes, down }) => ({ bytes: Math.max(0, sizeBytes - hasBytes), down }))
  const allUp = peers.reduce((sum, { up }) => sum + up, seedUp)
  return Math.max(
    Math.max(0, sizeBytes - seedSentBytes) / seedUp,
    ...lacking.map(({ bytes, down }) => bytes / down),
    lacking.reduce((sum, { bytes }) => sum + bytes, 0) / allUp,
  )
}
