import type { FlowGrant } from './flow-group.ts'

/** Bytes by what they crossed. */
export class Traffic {
  seedToNode = 0
  inRack = 0
  crossRack = 0
  /** By rack: over its uplink, from whomever. */
  readonly intoRack: Float64Array

  constructor(racks: number) {
    this.intoRack = new Float64Array(racks)
  }

  /** `receivedBytes` by rack of the grant, which may be less than its rates allow when a part ends. */
  add(grant: FlowGrant, receivedBytes: readonly number[]): void {
    const received = receivedBytes.reduce((sum, bytes) => sum + bytes, 0)
    if (received === 0 || grant.rate === 0) return
    let imported = 0
    for (const [index, flows] of grant.racks.entries()) {
      const { rate, importRate } = flows
      const bytes = rate === 0 ? 0 : (receivedBytes[index] ?? 0) * Math.min(1, importRate / rate)
      this.intoRack[flows.rack] = (this.intoRack[flows.rack] ?? 0) + bytes
      imported += bytes
    }
    const fromSeed = received * Math.min(1, grant.seedRate / grant.rate)
    const across = Math.max(0, imported - fromSeed)
    this.seedToNode += fromSeed
    this.crossRack += across
    this.inRack += received - fromSeed - across
  }
}
