import type { Clock, Logger } from '@shoal/core'
import { createLibrary } from '@shoal/library'
import {
  createGlanceClient,
  createNoAuthSession,
  type GlanceClient,
  type KeyManager,
  openGlance,
  readCloudAuth,
} from '@shoal/openstack'
import type { SeedConfig } from './config.ts'

/** The image library that the configuration names, open. */
export interface LibraryAccess {
  readonly client: GlanceClient
  /** Where the certificates of who signed images are; `undefined` where there is no Keystone to name it. */
  readonly keyManager: KeyManager | undefined
  /** Its address, for people. */
  readonly endpoint: string
  close(): Promise<void>
}

/**
 * Opens the library: the embedded one over a directory, a Glance without Keystone, or that of a cloud. A cloud that does
 * not answer is no error yet; settings that cannot be right are (`SHOAL_CLOUD_CONFIG`, `SHOAL_LIBRARY_*`).
 */
export async function openLibrary(
  deps: { clock: Clock; logger: Logger; onFlood: (address: string | undefined) => void },
  { directory, endpoint, cloud }: SeedConfig['library'],
  env: NodeJS.ProcessEnv,
): Promise<LibraryAccess> {
  if (directory !== null) {
    const library = createLibrary(deps, { directory })
    const url = await library.start()
    const access = openEndpoint(deps, url)
    const close = async () => {
      await access.close()
      await library.stop()
    }
    return { ...access, close }
  }
  if (endpoint !== null) return openEndpoint(deps, endpoint)
  const auth = readCloudAuth({ env, cloud: cloud ?? undefined })
  const client = openGlance(deps, auth)
  const url = auth.method.type === 'none' ? auth.method.endpoint : auth.method.authUrl
  return { client, keyManager: client.keyManager, endpoint: auth.imageEndpoint ?? url, close: () => client.close() }
}

function openEndpoint(deps: { clock: Clock; logger: Logger }, endpoint: string): LibraryAccess {
  const client = createGlanceClient({
    ...deps,
    session: createNoAuthSession(endpoint, null, { source: 'library.endpoint' }),
  })
  return { client, keyManager: undefined, endpoint, close: () => client.close() }
}
