import type { Decider } from './replay.ts'
import type { Trace } from './trace.ts'

/**
 * The rule of Belady (IBM Systems Journal, 1966), which knows the future: what is used latest goes first. For bytes it
 * is the greedy choice also when sizes differ, since a byte that is kept until its next use takes space for so long,
 * whatever the size of its layer. It can be beaten, for it does not see which layers together fill the space.
 */
export function beladyDeciders(trace: Trace): (node: number) => Decider {
  const nextUses = findNextUses(trace)
  return () => {
    // Of each layer that is held, as of its last use.
    const next = new Map<number, number>()
    return {
      used(layer, _held, start) {
        const depth = (trace.images[trace.image[start] ?? 0] ?? []).indexOf(layer)
        next.set(layer, nextUses[depth]?.[start] ?? start)
      },
      choose(held, wantedBytes, stays) {
        const left = new Set([...held].filter((layer) => !stays.includes(layer)))
        const gone: number[] = []
        for (let freedBytes = 0; freedBytes < wantedBytes; ) {
          const bases = new Set<number | undefined>()
          for (const layer of held) if (!gone.includes(layer)) bases.add(trace.layers[layer]?.base)
          let victim: number | undefined
          for (const layer of left) {
            if (bases.has(layer)) continue
            if (victim === undefined || (next.get(layer) ?? 0) > (next.get(victim) ?? 0)) victim = layer
          }
          if (victim === undefined) break
          left.delete(victim)
          gone.push(victim)
          freedBytes += trace.layers[victim]?.sizeBytes ?? 0
        }
        return gone
      },
    }
  }
}

/** The start at which its node needs a layer next, by its place in the image and by start; none: after all others. */
function findNextUses(trace: Trace): Int32Array[] {
  const { times, images, layers, nodes } = trace
  const depths = Math.max(...images.map((chain) => chain.length))
  const nextUses = Array.from({ length: depths }, () => new Int32Array(times.length))
  const next = Array.from({ length: nodes }, () => new Int32Array(layers.length).fill(times.length))
  for (let start = times.length - 1; start >= 0; start -= 1) {
    const ofNode = next[trace.node[start] ?? 0]
    for (const [depth, layer] of (images[trace.image[start] ?? 0] ?? []).entries()) {
      const ofDepth = nextUses[depth]
      if (ofNode === undefined || ofDepth === undefined) continue
      ofDepth[start] = ofNode[layer] ?? times.length
      ofNode[layer] = start
    }
  }
  return nextUses
}
