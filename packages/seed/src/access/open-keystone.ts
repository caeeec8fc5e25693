import type { Clock, Logger } from '@shoal/core'
import { TokenCheck } from '@shoal/openstack'
import type { SeedConfig } from '../config.ts'
import { KeystoneCallers } from './keystone-callers.ts'

/** Callers whom the configured Keystone vouches for; `undefined` when there is none. Nothing is asked yet. */
export function openKeystone(
  { url, caFile, cacheMs, roles }: SeedConfig['access']['keystone'],
  deps: { clock: Clock; logger: Logger },
): { readonly callers: KeystoneCallers; close(): Promise<void> } | undefined {
  if (url === null) return undefined
  const tls = { caFile, certFile: null, keyFile: null, verify: true }
  const check = new TokenCheck({ authUrl: url, tls, timeouts: { connectMs: 5000, headersMs: 10_000 } })
  return { callers: new KeystoneCallers({ ...deps, check }, { cacheMs, roles }), close: () => check.close() }
}
