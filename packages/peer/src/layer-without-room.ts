import type { ShoalError } from '@shoal/core'
import type { StoredLayer } from '@shoal/layer-store'
import type { SwarmLayer } from '@shoal/swarm'

/**
 * A layer that machines read and for which there is no room: what is here is given as ever, and what comes is given to those who wait
 * for it and not stored. Every write is refused with `reason`.
 */
export function withoutRoom(stored: StoredLayer, reason: ShoalError): SwarmLayer {
  const refuse = () => Promise.reject(reason)
  const { manifest, torrent, present, buffers } = stored
  return {
    ...{ manifest, torrent, present, buffers },
    get presentBytes() {
      return stored.presentBytes
    },
    writeBlocks: refuse,
    writeBlock: refuse,
    read: (offset, length) => stored.read(offset, length),
    readBlock: (block, ahead) => stored.readBlock(block, ahead),
    flush: () => stored.flush(),
  }
}
