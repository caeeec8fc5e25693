import type { Clock, Logger } from '@shoal/core'
import { issueToken, TokenCheck } from '@shoal/openstack'
import { CloudSessions } from '@shoal/service'
import type { SeedConfig } from '../config.ts'
import { KeystoneCallers } from './keystone-callers.ts'
import { KeystoneSignIn } from './keystone-sign-in.ts'

/** Callers whom the configured Keystone vouches for; `undefined` when there is none. Nothing is asked yet. */
export function openKeystone(
  { url, caFile, cacheMs, roles }: SeedConfig['access']['keystone'],
  deps: { clock: Clock; logger: Logger },
): { readonly callers: KeystoneCallers; readonly signIn: KeystoneSignIn; close(): Promise<void> } | undefined {
  if (url === null) return undefined
  const at = {
    authUrl: url,
    tls: { caFile, certFile: null, keyFile: null, verify: true },
    timeouts: { connectMs: 5000, headersMs: 10_000 },
  }
  const check = new TokenCheck(at)
  const callers = new KeystoneCallers({ ...deps, check }, { cacheMs, roles })
  const signIn = new KeystoneSignIn({
    callers,
    sessions: new CloudSessions(() => deps.clock.now()),
    issueToken: (credentials, options) => issueToken(deps, at, credentials, options),
    logger: deps.logger,
  })
  return { callers, signIn, close: () => check.close() }
}
