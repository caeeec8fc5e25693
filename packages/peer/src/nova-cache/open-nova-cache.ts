import type { StateStore } from '@shoal/state'
import { composeInChild } from '../compose/compose-process.ts'
import type { PeerConfig } from '../config.ts'
import { BaseDirectory } from './base-directory.ts'
import { BaseRecords } from './base-records.ts'
import { findBaseUsers } from './base-users.ts'
import { NovaCache, type NovaCacheDeps } from './nova-cache.ts'

/** Opens what looks after Nova's image cache on this node; `undefined` where that is not configured. It does nothing before it runs. */
export async function openNovaCache(
  { novaCache }: Pick<PeerConfig, 'novaCache'>,
  deps: Omit<NovaCacheDeps, 'records' | 'directory' | 'compose' | 'findUsers'> & {
    readonly state: StateStore
    readonly node: string
  },
): Promise<NovaCache | undefined> {
  const { enabled, instancesPath, subdirectory, format, eviction, mode, uid, gid } = novaCache
  if (!enabled) return undefined
  const { state, node, logger, ...others } = deps
  const owner = { uid: uid ?? undefined, gid: gid ?? undefined }
  const directory = new BaseDirectory({ instancesPath, subdirectory, mode: Number.parseInt(mode, 8), owner, node })
  const cache = new NovaCache(
    {
      ...others,
      logger: logger.child({ component: 'nova-cache' }),
      records: new BaseRecords(state),
      directory,
      compose: composeInChild,
      findUsers: (paths, options) => findBaseUsers(instancesPath, paths, options),
    },
    { format, removes: eviction === 'own' },
  )
  await cache.open()
  return cache
}
