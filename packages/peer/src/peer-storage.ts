import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { type Clock, errorMessage, type Logger } from '@shoal/core'
import { createLayerStore, type LayerStore } from '@shoal/layer-store'
import { openLevelState, type StateStore } from '@shoal/state'
import type { PeerConfig } from './config.ts'
import { peerError } from './errors.ts'

export interface PeerStorage {
  readonly state: StateStore
  readonly store: LayerStore
}

export function layerDirectory(config: PeerConfig): string {
  return config.store.directory ?? join(config.stateDirectory, 'layers')
}

/**
 * Opens what survives a restart; `stack` closes it. Throws `SHOAL_STATE_LOCKED` when another daemon uses it,
 * `SHOAL_PEER_DIRECTORY`, and the errors of state and store.
 */
export async function openStorage(
  config: PeerConfig,
  deps: { clock: Clock; logger: Logger; stack: AsyncDisposableStack },
): Promise<PeerStorage> {
  const layers = layerDirectory(config)
  for (const path of [config.stateDirectory, layers]) {
    await mkdir(path, { recursive: true }).catch((error: unknown) => {
      throw peerError('SHOAL_PEER_DIRECTORY', { path, reason: errorMessage(error) }, error)
    })
  }
  const state = deps.stack.use(await openLevelState(join(config.stateDirectory, 'state')))
  const store = deps.stack.use(
    createLayerStore(
      { state, logger: deps.logger.child({ component: 'layer-store' }), clock: deps.clock },
      { directory: layers },
    ),
  )
  await store.open()
  return { state, store }
}
