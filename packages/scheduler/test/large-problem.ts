import { seededRandom } from '@shoal/core'
import type { PlacementProblem } from '../src/placement-problem.ts'

/** Middles over a few bases, on a fleet of which a tenth to a half holds each layer, and the rest some of some. */
export function largeProblem({ images, nodes, vms }: { images: number; nodes: number; vms: number }): PlacementProblem {
  const random = seededRandom(7)
  const bases = Math.ceil(images / 5)
  const costs = Array.from({ length: bases + images }, (_, layer) => {
    const sizeBytes = layer < bases ? 700e6 : 100e6 + random() * 500e6
    const heldBy = 0.1 + random() * 0.4
    return Float64Array.from({ length: nodes }, () => {
      if (random() < heldBy) return 0
      return random() < 0.1 ? Math.round(random() * sizeBytes) : Math.round(sizeBytes)
    })
  })
  return {
    vms: Array.from(
      { length: images },
      (_, image) => Math.floor(((image + 1) * vms) / images) - Math.floor((image * vms) / images),
    ),
    chains: Array.from({ length: images }, (_, image) => [image % bases, bases + image]),
    costs,
    slots: Int32Array.from({ length: nodes }, () => 1 + Math.floor(random() * 8)),
    loads: Float64Array.from({ length: nodes }, () => Math.floor(random() * 5)),
    spreadCost: 200e6,
    waitShare: 0.25,
  }
}
