/** What a node does just now that a VM which starts there would wait for. */
export interface NodeActivity {
  /** Layers that it is to have and has not: VMs wait for them, or plans. */
  readonly arrivingLayers: number
  /** Rate of what it receives over the rate of its link. */
  readonly downShare: number
  /** Rate of what it sends over the rate of its link. */
  readonly upShare: number
  /** Used of what its cache may hold. */
  readonly diskShare: number
}

/** As many layers that arrive at once take what a disk and a link can give; Nova builds 10 VMs at once on a node. */
const ARRIVING_FULL = 10
/** A disk is no hindrance until an eviction is near. */
const DISK_FREE_SHARE = 0.9
/** What is full of something else is worth less, not nothing: a cached image still starts there. */
const DISK_WEIGHT = 0.5
/** Sending gives way to what a VM waits for. */
const UP_WEIGHT = 0.5

/** How busy a node is, 0 to 1: as busy as the scarcest of what it has. */
export function busyShare({ arrivingLayers, downShare, upShare, diskShare }: NodeActivity): number {
  const disk = ((diskShare - DISK_FREE_SHARE) / (1 - DISK_FREE_SHARE)) * DISK_WEIGHT
  return Math.min(1, Math.max(0, arrivingLayers / ARRIVING_FULL, downShare, upShare * UP_WEIGHT, disk))
}
