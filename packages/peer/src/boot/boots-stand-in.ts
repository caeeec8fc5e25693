import type { BlockServer, BootCompanions } from './boots-ports.ts'
import { bootError } from './errors.ts'

/** Stands in for the block service until that is there: nothing can be booted. */
export const noBlockServer: BlockServer = {
  open: async ({ name }) => {
    throw bootError('SHOAL_BOOT_FAILED', { name, reason: 'this peer serves no disks yet' })
  },
}

/** Stands in for what records boots and foretells them. */
export const noCompanions: BootCompanions = {
  prefetch: () => () => {},
  record: () => {},
  isRecording: () => false,
  ended: () => {},
}
