import type { Secret } from './secret.ts'

export type EndpointInterface = 'public' | 'internal' | 'admin'

/** A name is only unique within a domain; an id needs none. */
export type DomainRef = { id: string } | { name: string }
export type UserRef = { id: string } | { name: string; domain: DomainRef }
export type ProjectRef = { id: string } | { name: string; domain: DomainRef }

/** What a token is for (Keystone's `scope`); null leaves it to the user's default project. */
export type AuthScope = { project: ProjectRef } | { domain: DomainRef } | { system: 'all' } | { trust: string } | null

/** How a token is got. */
export type AuthMethod =
  | { type: 'password'; authUrl: string; user: UserRef; password: Secret; scope: AuthScope }
  | { type: 'application-credential'; authUrl: string; credential: ApplicationCredentialRef; secret: Secret }
  | { type: 'token'; authUrl: string; token: Secret; scope: AuthScope }
  /** No Keystone: every service is at `endpoint`, and `token`, when there is one, is sent as it is. */
  | { type: 'none'; endpoint: string; token: Secret | null }

export type ApplicationCredentialRef = { id: string } | { name: string; user: UserRef }

/** How certificates are checked and shown. Paths of PEM files. */
export interface TlsFiles {
  /** Replaces the system's authorities. */
  readonly caFile: string | null
  readonly certFile: string | null
  readonly keyFile: string | null
  /** False trusts anyone: `insecure` of OpenStack's clients. */
  readonly verify: boolean
}

/** Which cloud, as whom: what `clouds.yaml` or the `OS_*` variables say. */
export interface CloudAuth {
  /** Where it was read, for messages: a file and a cloud's name, or the environment. */
  readonly source: string
  readonly method: AuthMethod
  readonly region: string | null
  readonly interface: EndpointInterface
  readonly tls: TlsFiles
  /** Glance's address when it is not to be looked up in the catalogue. */
  readonly imageEndpoint: string | null
}
