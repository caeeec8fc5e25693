import type { Trace } from './trace.ts'

/**
 * No cache of this size on each node hits more bytes: PFOO-L of Berger, Beckmann and Harchol-Balter ("Practical Bounds
 * on Optimal Caching with Variable Object Sizes", 2018), for bytes. To hit, a layer lies in the cache from one use to
 * the next, which takes its size times that while of the space over time. The shortest whiles give most for that,
 * whatever the size, and are taken until it is used up, as if space could be moved in time. Time goes by the starts of
 * the node.
 */
export function boundHitBytes(trace: Trace, capacityBytes: number): number {
  const ofNode = new Array<number>(trace.nodes).fill(0)
  for (const node of trace.node) ofNode[node] = (ofNode[node] ?? 0) + 1
  // Bytes that would be hit, by how long they would have to lie there.
  const bytesOfLength = ofNode.map((starts) => new Float64Array(starts + 1))
  const last = ofNode.map(() => new Int32Array(trace.layers.length).fill(-1))
  const starts = new Uint32Array(trace.nodes)
  for (let start = 0; start < trace.times.length; start += 1) {
    const node = trace.node[start] ?? 0
    const [lastUse, bytes, at] = [last[node], bytesOfLength[node], starts[node] ?? 0]
    starts[node] = at + 1
    if (lastUse === undefined || bytes === undefined) continue
    for (const layer of trace.images[trace.image[start] ?? 0] ?? []) {
      const length = at - (lastUse[layer] ?? -1)
      const { sizeBytes = 0 } = trace.layers[layer] ?? {}
      if (lastUse[layer] !== -1 && sizeBytes <= capacityBytes) bytes[length] = (bytes[length] ?? 0) + sizeBytes
      lastUse[layer] = at
    }
  }
  return bytesOfLength.reduce((sum, bytes, node) => sum + mostBytes(bytes, capacityBytes * (ofNode[node] ?? 0)), 0)
}

/** The shortest first, and of the last kind as much as there is room for. */
function mostBytes(bytesOfLength: Float64Array, spaceTime: number): number {
  let left = spaceTime
  let hitBytes = 0
  for (const [length, bytes] of bytesOfLength.entries()) {
    if (bytes === 0) continue
    const taken = Math.min(bytes, left / length)
    hitBytes += taken
    left -= taken * length
  }
  return hitBytes
}
