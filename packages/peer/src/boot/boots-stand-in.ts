import type { BlockServer } from './boots-ports.ts'
import { bootError } from './errors.ts'

/** Stands in for the block service until that is there: nothing can be booted. */
export const noBlockServer: BlockServer = {
  open: async ({ name }) => {
    throw bootError('SHOAL_BOOT_FAILED', { name, reason: 'this peer serves no disks yet' })
  },
}

/** Stands in for the swarm's reads on demand until they are there: nothing goes first. */
export const noBlockSource = { hint: () => {} }
