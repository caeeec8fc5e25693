import { isLoopbackHost } from '@shoal/core'
import { swarmError } from './errors.ts'

/**
 * Throws `SHOAL_SWARM_OPEN` where something would listen beyond this machine for whoever comes: without credentials nobody in the swarm
 * proves who he is. An operator may want that, and has to say so.
 */
export function refuseOpen(
  host: string,
  { identity, isOpen = false }: { identity: unknown; isOpen?: boolean | undefined },
): void {
  if (identity === undefined && !isOpen && !isLoopbackHost(host)) throw swarmError('SHOAL_SWARM_OPEN', { host })
}
