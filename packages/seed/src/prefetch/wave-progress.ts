import { MAX_TOLD_WAVES, type PlanWaveProgress } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { Catalogue } from '../images/catalogue.ts'
import type { NodeProgress } from './node-progress.ts'
import { reckonedTime } from './plan-request.ts'
import type { PlanTargets } from './plan-targets.ts'

/** In which what boots read is fetched, whatever wave the rest of its layer is in. */
const BOOT_WAVE = 0

/** What is known of the sizes of layers, in bytes. */
export interface LayerSizes {
  readonly sizeOf: (layer: Digest) => number
  /** Of it, what a boot reads; 0 when that is not known. */
  readonly bootBytesOf: (layer: Digest) => number
}

/** The sizes of layers, of those too that are still to come, whose sizes are given. */
export function layerSizes(catalogue: Pick<Catalogue, 'layer'>, toCome: () => ReadonlyMap<Digest, number>): LayerSizes {
  return {
    sizeOf: (layer) => catalogue.layer(layer)?.sizeBytes ?? toCome().get(layer) ?? 0,
    bootBytesOf: (layer) => catalogue.layer(layer)?.bootBytes ?? 0,
  }
}

interface Part {
  wantedBytes: number
  presentBytes: number
}

interface WaveSums extends Part {
  nodes: number
  nodesReady: number
  /** How long the slowest of its nodes has still to go; null: nobody knows. */
  leftMs: number | null
}

/**
 * How far each wave of a plan is. A node fetches a layer's boot part first, so that as much of it counts as there as
 * the node has of the layer; a wave ends on a node when it has all of that wave and of those before it.
 */
export function waveProgress(
  { rows, targets }: { readonly rows: ReadonlyMap<string, NodeProgress>; readonly targets: PlanTargets },
  sizes: LayerSizes,
  nowMs: number,
): PlanWaveProgress[] {
  const waves = new Map<number, WaveSums>()
  for (const [node, { layers }] of targets) {
    const row = rows.get(node)
    if (row !== undefined) addNode(waves, row, partsOf(row, layers, sizes))
  }
  const first = [...waves].sort(([one], [other]) => one - other).slice(0, MAX_TOLD_WAVES)
  return first.map(([wave, { leftMs, ...sums }]) => {
    const isOver = sums.nodesReady === sums.nodes
    return { wave, ...sums, estimatedFinishAt: isOver || leftMs === null ? null : reckonedTime(nowMs + leftMs) }
  })
}

/** What a node is to get in each wave, in their order. */
function partsOf(
  { presentOf }: NodeProgress,
  layers: ReadonlyMap<Digest, number>,
  { sizeOf, bootBytesOf }: LayerSizes,
): [number, Part][] {
  const parts = new Map<number, Part>()
  const add = (wave: number, wantedBytes: number, presentBytes: number) => {
    const part = parts.get(wave) ?? { wantedBytes: 0, presentBytes: 0 }
    parts.set(wave, part)
    part.wantedBytes += wantedBytes
    part.presentBytes += Math.min(wantedBytes, presentBytes)
  }
  for (const [layer, wave] of layers) {
    const present = presentOf.get(layer) ?? 0
    const sizeBytes = sizeOf(layer)
    const bootBytes = Math.min(bootBytesOf(layer), sizeBytes)
    if (bootBytes > 0) add(BOOT_WAVE, bootBytes, present)
    add(wave, sizeBytes - bootBytes, Math.max(0, present - bootBytes))
  }
  return [...parts].sort(([one], [other]) => one - other)
}

function addNode(waves: Map<number, WaveSums>, row: NodeProgress, parts: readonly [number, Part][]): void {
  const { bytesPerSecond, state } = row
  // One that is away, or cannot take it, holds nobody up.
  const isAwaited = state === 'waiting' || state === 'fetching'
  let leftBytes = 0
  for (const [wave, { wantedBytes, presentBytes }] of parts) {
    const sums = waves.get(wave) ?? { nodes: 0, nodesReady: 0, wantedBytes: 0, presentBytes: 0, leftMs: 0 }
    waves.set(wave, sums)
    sums.nodes += 1
    sums.wantedBytes += wantedBytes
    sums.presentBytes += presentBytes
    leftBytes += wantedBytes - presentBytes
    if (presentBytes >= wantedBytes) sums.nodesReady += 1
    else if (isAwaited && bytesPerSecond <= 0) sums.leftMs = null
    else if (isAwaited && sums.leftMs !== null) {
      sums.leftMs = Math.max(sums.leftMs, (leftBytes / bytesPerSecond) * 1000)
    }
  }
}
