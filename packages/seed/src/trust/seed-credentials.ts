import type { X509Certificate } from 'node:crypto'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { type Clock, errorCode, errorMessage, type Logger } from '@shoal/core'
import {
  authorityFingerprint,
  type CertificateAuthority,
  ClusterTrust,
  type Credential,
  createCredential,
  credentialToPem,
  newCredentialRequest,
  OperatorFiles,
  openAuthority,
  readCertificateRequest,
} from '@shoal/trust'
import type { SeedConfig } from '../config.ts'
import { seedError } from '../errors.ts'

export interface SeedCredentialsOptions {
  readonly tls: SeedConfig['tls']
  readonly stateDirectory: string
  /** Name of the seed. */
  readonly name: string
  /** Where nodes reach it, beside `tls.names`. */
  readonly hosts: readonly string[]
}

/** Of the seed's own certificate, when the embedded authority makes it: anew at each start, and long before it is over. */
const OWN_LIFETIME_MS = 30 * 86_400_000
const OWN_RENEWAL_MS = 10 * 86_400_000
const BACKDATED_MS = 3_600_000
/** How soon changed files of an operator's authority are seen. */
const FILES_POLL_MS = 2000

/** The seed's own credential and the authorities that it trusts: its embedded one's, or an operator's from files. */
export class SeedCredentials {
  readonly trust: ClusterTrust
  /** Signs certificates of nodes; none where an operator's does. */
  readonly authority: CertificateAuthority | undefined
  readonly #deps: { readonly clock: Clock; readonly logger: Logger }
  readonly #options: SeedCredentialsOptions
  readonly #files: OperatorFiles | undefined
  #renewedAt: number

  private constructor(
    deps: { clock: Clock; logger: Logger },
    options: SeedCredentialsOptions,
    parts: { trust: ClusterTrust; authority: CertificateAuthority | undefined; files: OperatorFiles | undefined },
  ) {
    this.#deps = deps
    this.#options = options
    this.trust = parts.trust
    this.authority = parts.authority
    this.#files = parts.files
    this.#renewedAt = deps.clock.now()
  }

  /** Throws `SHOAL_SEED_CERTIFICATE` and the codes of trust. */
  static async open(deps: { clock: Clock; logger: Logger }, options: SeedCredentialsOptions): Promise<SeedCredentials> {
    const { tls, stateDirectory } = options
    const domain = tls.trustDomain
    const files = OperatorFiles.of(tls)
    const directory = join(stateDirectory, 'ca')
    const authority =
      files === undefined ? await openAuthority(directory, { domain, now: deps.clock.now() }) : undefined
    const held = files === undefined ? undefined : await files.load()
    const own = held ?? (authority && issueOwn(authority, deps.clock, options))
    if (own === undefined) throw new TypeError('there is neither an authority nor files of one')
    const trust = new ClusterTrust(deps, { ...own, domain })
    if (trust.identity.role !== 'seed') throw seedError('SHOAL_SEED_CERTIFICATE', { name: trust.identity.name })
    return new SeedCredentials(deps, options, { trust, authority, files })
  }

  /** SHA-256 of the first authority, as join tokens name it. */
  get fingerprint(): string {
    const [first] = this.trust.authorities
    return first === undefined ? '' : authorityFingerprint(first)
  }

  /** As TLS takes it. */
  secureContext(): { key: string; cert: string; ca: string[] } {
    return { ...credentialToPem(this.trust.credential), ca: this.trust.authorities.map(String) }
  }

  /** Makes the next certificate in time, or reads changed files, until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock } = this.#deps
    while (!signal.aborted) {
      await clock.sleep(FILES_POLL_MS, { signal }).catch(() => {})
      if (!signal.aborted) await this.refresh()
    }
  }

  /** One look at the clock and the files. A fault is logged, and what held before goes on to hold. */
  async refresh(): Promise<void> {
    const { clock, logger } = this.#deps
    try {
      if (this.authority !== undefined) {
        if (clock.now() - this.#renewedAt < OWN_RENEWAL_MS) return
        const own = issueOwn(this.authority, clock, this.#options)
        this.trust.replace(own.credential, own.authorities)
        this.#renewedAt = clock.now()
        return
      }
      const files = this.#files
      if (files === undefined || !(await files.haveChanged())) return
      const { credential, authorities } = await files.load()
      this.trust.replace(credential, authorities)
      logger.info({ authority: this.fingerprint }, 'the files of certificate and authorities were read anew')
    } catch (error) {
      logger.error({ code: errorCode(error), reason: errorMessage(error) }, 'the certificate was not renewed')
    }
  }
}

function issueOwn(
  authority: CertificateAuthority,
  clock: Pick<Clock, 'now'>,
  { tls, name, hosts }: SeedCredentialsOptions,
): { credential: Credential; authorities: X509Certificate[] } {
  const { privateKey, request } = newCredentialRequest(name)
  const own = authority.issue({
    publicKey: readCertificateRequest(request),
    identity: { role: 'seed', name },
    notBefore: clock.now() - BACKDATED_MS,
    lifetimeMs: OWN_LIFETIME_MS + BACKDATED_MS,
    hosts: [...new Set(['localhost', '127.0.0.1', '::1', hostname(), ...hosts, ...tls.names])].filter(isName),
  })
  // The authority goes along: a node that joins knows it by its fingerprint alone.
  const credential = createCredential(privateKey, [own, authority.certificate])
  return { credential, authorities: [authority.certificate] }
}

/** An address to listen on everywhere is nobody's name. */
function isName(host: string): boolean {
  return host !== '0.0.0.0' && host !== '::' && host !== ''
}
