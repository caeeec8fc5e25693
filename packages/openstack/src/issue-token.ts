import type { Clock, Logger } from '@shoal/core'
import { errorCode } from '@shoal/core'
import type { TlsFiles } from './cloud-auth.ts'
import type { HttpTimeouts } from './http-client.ts'
import { createKeystoneSession } from './keystone-session.ts'
import type { Secret } from './secret.ts'

/** Who somebody says to be, and in which project. Domains by name. */
export interface UserCredentials {
  readonly user: string
  readonly userDomain: string
  readonly project: string
  readonly projectDomain: string
  readonly password: Secret
}

export interface IssueTokenOptions {
  readonly authUrl: string
  readonly tls: TlsFiles
  readonly timeouts?: Partial<HttpTimeouts>
}

/**
 * Asks Keystone for a token of a user in a project, once; `undefined` when it does not take the credentials. Nothing is kept. Rejects with
 * `SHOAL_KEYSTONE_UNREACHABLE`, `SHOAL_KEYSTONE_PROTOCOL`, `SHOAL_CLOUD_*`.
 */
export async function issueToken(
  deps: { clock: Clock; logger: Logger },
  { authUrl, tls, timeouts }: IssueTokenOptions,
  { user, userDomain, project, projectDomain, password }: UserCredentials,
  { signal }: { signal?: AbortSignal } = {},
): Promise<string | undefined> {
  const method = {
    ...({ type: 'password', authUrl, password } as const),
    user: { name: user, domain: { name: userDomain } },
    scope: { project: { name: project, domain: { name: projectDomain } } },
  }
  const auth = { source: 'a sign-in', method, region: null, interface: 'public', tls, imageEndpoint: null } as const
  const session = createKeystoneSession(deps, auth, { retries: 0, ...(timeouts === undefined ? {} : { timeouts }) })
  try {
    return (await session.token({ signal })) ?? undefined
  } catch (error) {
    if (errorCode(error) === 'SHOAL_KEYSTONE_CREDENTIALS') return undefined
    throw error
  } finally {
    await session.close()
  }
}
