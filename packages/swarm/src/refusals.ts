/** What a daemon refuses of others, by where it came from. */
export const REFUSALS = ['connection', 'wire', 'lane', 'dht-malformed', 'dht-flood'] as const
export type Refusal = (typeof REFUSALS)[number]

/** How much was refused since the start: of hosts that connect too often or say nothing, and of what is malformed. */
export class Refusals {
  readonly counts: Record<Refusal, number>

  constructor() {
    this.counts = Object.fromEntries(REFUSALS.map((refusal) => [refusal, 0])) as Record<Refusal, number>
  }

  add(refusal: Refusal): void {
    this.counts[refusal] += 1
  }
}
