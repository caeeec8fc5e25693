import { checkAddress } from './service-address.ts'
import type { Session } from './session.ts'

/**
 * A session without Keystone: one endpoint for every service, and the same token, or none, with every request. Throws
 * `SHOAL_CLOUD_CONFIG` if the endpoint cannot be one; `source` says where it was configured.
 */
export function createNoAuthSession(
  endpoint: string,
  token: string | null = null,
  { source = 'the endpoint' }: { source?: string } = {},
): Session {
  checkAddress(endpoint, { source, name: 'endpoint' })
  return {
    token: async () => token,
    invalidate: () => {},
    endpoint: async () => endpoint.replace(/\/+$/, ''),
    close: async () => {},
  }
}
