import { join } from 'node:path'
import type { StateStore } from '@shoal/state'
import type { PeerConfig } from '../config.ts'
import { composeInChild } from './compose-process.ts'
import { CompositionRecords } from './composition-records.ts'
import { Compositions, type CompositionsDeps } from './compositions.ts'
import { DiskDirectory } from './disk-directory.ts'

/** Opens what a node has composed; it composes nothing before it is started. Throws `SHOAL_COMPOSE_DIRECTORY`. */
export async function openCompositions(
  config: PeerConfig,
  deps: Pick<CompositionsDeps, 'store' | 'holds' | 'isWithdrawn' | 'reserve' | 'onUse' | 'clock' | 'logger'> & {
    readonly state: StateStore
  },
): Promise<Compositions> {
  const { state, logger, ...others } = deps
  const compositions = new Compositions({
    ...others,
    logger: logger.child({ component: 'compose' }),
    records: new CompositionRecords(state),
    disks: new DiskDirectory(config.compose.directory ?? join(config.stateDirectory, 'disks')),
    compose: composeInChild,
  })
  await compositions.open()
  return compositions
}
