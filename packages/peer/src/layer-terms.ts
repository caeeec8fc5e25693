import type { DesiredAssignment } from '@shoal/api'
import { DEFAULT_LAYER_TERMS, type LayerTerms } from '@shoal/swarm'

/** On which terms the swarm fetches what was assigned; what a seed of an earlier version does not say is as usual. */
export function layerTerms(assignment: DesiredAssignment): LayerTerms {
  const { priority, wave, weight, limitBytesPerSecond, bootBytes } = assignment
  return {
    priority,
    wave: wave ?? DEFAULT_LAYER_TERMS.wave,
    weight: weight ?? DEFAULT_LAYER_TERMS.weight,
    limitBytesPerSecond: limitBytesPerSecond ?? null,
    bootBytes: bootBytes ?? DEFAULT_LAYER_TERMS.bootBytes,
    // What this node knows by itself.
    restWaits: false,
  }
}
