/** What befalls a fleet while a plan is carried out. `atMs` is Unix time in milliseconds. */
export type FleetEvent =
  /** What it has got by then is on its disk. */
  | { readonly kind: 'node-dies'; readonly node: string; readonly atMs: number }
  | { readonly kind: 'node-returns'; readonly node: string; readonly atMs: number }
  /** Both ways, as a share of the links it had; 1 makes it whole again. */
  | { readonly kind: 'node-slows'; readonly node: string; readonly share: number; readonly atMs: number }
  /** Other traffic takes so much of a link from now on, each way; 0 ends it. */
  | {
      readonly kind: 'background'
      readonly link: BackgroundLink
      readonly bytesPerSecond: number
      readonly atMs: number
    }
  /** It sends nothing and reads nothing until it starts again; what it has read is kept. */
  | { readonly kind: 'seed-stops'; readonly atMs: number }
  | { readonly kind: 'seed-starts'; readonly atMs: number }

export type BackgroundLink = { readonly rack: string } | { readonly node: string } | 'seed'

export interface Scenario {
  readonly events?: readonly FleetEvent[] | undefined
  /**
   * Nodes whose links are no two alike: each node's are less by up to this share, which the random seed decides. 0 when
   * absent.
   */
  readonly rateSpread?: number | undefined
  /** The same for the time until a node's first byte, more or less by up to this share. */
  readonly startUpSpread?: number | undefined
  readonly randomSeed?: number | undefined
}
