/** Reads of 64 KiB of which nothing is on the node, from a swarm whose links are shaped. */
export interface ColdReads {
  readonly p50Ms: number
  readonly p99Ms: number
}

/** What a cold read is measured beside: nothing, or a download at full speed. */
export type ColdLoad = 'idle' | 'download'

/** Measures cold reads. It needs the swarm's reads on demand and the lab's links; until somebody gives one, its figures are null. */
export type MeasureColdReads = (load: ColdLoad) => Promise<ColdReads>

export const coldReads: MeasureColdReads | undefined = undefined
