/** A layer of a trace. */
export interface TraceLayer {
  readonly sizeBytes: number
  /** Index of its base. */
  readonly base?: number | undefined
}

/** What the machines of a trace are started from. */
export interface TraceImages {
  readonly layers: readonly TraceLayer[]
  /** What an image is made of, the topmost layer first. */
  readonly images: readonly (readonly number[])[]
}

/** Machines that are started over time on the nodes of a fleet. */
export interface Trace extends TraceImages {
  readonly name: string
  readonly nodes: number
  /** Nodes of a rack follow each other, and so do racks of a zone. */
  readonly nodesPerRack: number
  readonly nodesPerZone: number
  /** For each start its time in milliseconds, ascending, its node and its image. */
  readonly times: Float64Array
  readonly node: Uint16Array
  readonly image: Uint32Array
}
