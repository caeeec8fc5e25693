/** What a plan may use of the links. Bytes per second; what is absent is limited by the link alone. */
export interface PlanLimits {
  /** From the library to the seed. */
  readonly libraryBytesPerSecond?: number | undefined
  /** From the seed to all nodes together. */
  readonly seedUpBytesPerSecond?: number | undefined
  /** Of every rack, each way. */
  readonly rackUplinkBytesPerSecond?: number | undefined
  /** Of every node. */
  readonly nodeUpBytesPerSecond?: number | undefined
  readonly nodeDownBytesPerSecond?: number | undefined
  /** Of everything that the plan moves to nodes, whoever sends it. */
  readonly planBytesPerSecond?: number | undefined
}
