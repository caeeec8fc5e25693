import type { Arrangement } from './arrangement.ts'
import { layersOn } from './layers-on.ts'

/** Improvements smaller than this share of what is at stake are rounding. */
const LEAST_GAIN = 1e-9

/**
 * Moves and exchanges VMs for as long as that saves something: all VMs of an image on a node that has to fetch it go to
 * another node, or change places with as many of another image. Ends after about so many steps of work.
 */
export function improve(arrangement: Arrangement, maxWork: number): void {
  const { problem } = arrangement
  const nodes = problem.slots.length
  let work = 0
  for (let isBetter = true; isBetter && work < maxWork; ) {
    isBetter = false
    for (let image = 0; image < problem.vms.length && work < maxWork; image += 1) {
      for (let node = 0; node < nodes && work < maxWork; node += 1) {
        if (arrangement.count(image, node) === 0) continue
        work += nodes
        if (moveAway(arrangement, image, node)) isBetter = true
        if (arrangement.count(image, node) === 0) continue
        if (arrangement.imageChange(image, node, -arrangement.count(image, node)) === 0) continue
        work += nodes * problem.vms.length
        if (exchange(arrangement, image, node)) isBetter = true
      }
    }
  }
}

/** All of them to one other node, or one of them. */
function moveAway(arrangement: Arrangement, image: number, node: number): boolean {
  const all = arrangement.count(image, node)
  for (const vms of all === 1 ? [1] : [all, 1]) {
    const gain = -arrangement.imageChange(image, node, -vms) - arrangement.spreadChange(node, -vms)
    let [best, target] = [gain * (1 - LEAST_GAIN), -1]
    if (gain <= 0) continue
    for (let other = 0; other < arrangement.totals.length; other += 1) {
      if (other === node || arrangement.freeSlots(other) < vms) continue
      const cost = arrangement.imageChange(image, other, vms) + arrangement.spreadChange(other, vms)
      if (cost < best) [best, target] = [cost, other]
    }
    if (target < 0) continue
    arrangement.add(image, node, -vms)
    arrangement.add(image, target, vms)
    return true
  }
  return false
}

/** With as many VMs of another image on another node: loads stay as they are. */
function exchange(arrangement: Arrangement, image: number, node: number): boolean {
  const images = arrangement.problem.vms.length
  let [best, bestImage, bestNode, bestVms] = [0, -1, -1, 0]
  const here = arrangement.count(image, node)
  for (let other = 0; other < arrangement.totals.length; other += 1) {
    if (other === node || (arrangement.totals[other] ?? 0) === 0) continue
    for (let partner = 0; partner < images; partner += 1) {
      const there = arrangement.count(partner, other)
      if (partner === image || there === 0) continue
      const vms = Math.min(here, there)
      const gain = gainOfExchange(arrangement, { image, node, partner, other, vms })
      if (gain > best) [best, bestImage, bestNode, bestVms] = [gain, partner, other, vms]
    }
  }
  if (bestNode < 0 || best <= -LEAST_GAIN * arrangement.imageChange(image, node, -here)) return false
  swap(arrangement, { image, node, partner: bestImage, other: bestNode, vms: bestVms })
  return true
}

interface Exchange {
  readonly image: number
  readonly node: number
  readonly partner: number
  readonly other: number
  readonly vms: number
}

function gainOfExchange(arrangement: Arrangement, exchanged: Exchange): number {
  const { problem } = arrangement
  const { image, node, partner, other, vms } = exchanged
  let gain = 0
  for (const [at, leaving, coming] of [
    [node, image, partner],
    [other, partner, image],
  ] as const) {
    const [before, after] = [layersOn(problem, leaving, at), layersOn(problem, coming, at)]
    // A layer that both use is used there as before.
    for (const layer of before) if (!after.includes(layer)) gain -= arrangement.layerChange(layer, at, -vms)
    for (const layer of after) if (!before.includes(layer)) gain -= arrangement.layerChange(layer, at, vms)
  }
  return gain
}

function swap(arrangement: Arrangement, { image, node, partner, other, vms }: Exchange): void {
  arrangement.add(image, node, -vms)
  arrangement.add(partner, other, -vms)
  arrangement.add(image, other, vms)
  arrangement.add(partner, node, vms)
}
