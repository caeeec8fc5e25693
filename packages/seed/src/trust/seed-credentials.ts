import type { X509Certificate } from 'node:crypto'
import { stat } from 'node:fs/promises'
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
  loadAuthorities,
  loadCredential,
  newCredentialRequest,
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
  #stamp = ''
  #renewedAt: number

  private constructor(
    deps: { clock: Clock; logger: Logger },
    options: SeedCredentialsOptions,
    parts: { trust: ClusterTrust; authority: CertificateAuthority | undefined; stamp: string },
  ) {
    this.#deps = deps
    this.#options = options
    this.trust = parts.trust
    this.authority = parts.authority
    this.#stamp = parts.stamp
    this.#renewedAt = deps.clock.now()
  }

  /** Throws `SHOAL_SEED_TLS_FILES` and the codes of trust. */
  static async open(deps: { clock: Clock; logger: Logger }, options: SeedCredentialsOptions): Promise<SeedCredentials> {
    const { tls, stateDirectory } = options
    const domain = tls.trustDomain
    const files = operatorFiles(tls)
    const stamp = files === undefined ? '' : await stampOf(files)
    const authority =
      files === undefined
        ? await openAuthority(join(stateDirectory, 'ca'), { domain, now: deps.clock.now() })
        : undefined
    const held = authority === undefined ? await readFiles(files) : issueOwn(authority, deps.clock, options)
    const trust = new ClusterTrust(deps, { ...held, domain })
    if (trust.identity.role !== 'seed') throw seedError('SHOAL_SEED_TLS_FILES', { reason: 'it names no seed' })
    return new SeedCredentials(deps, options, { trust, authority, stamp })
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
      const files = operatorFiles(this.#options.tls)
      const stamp = await stampOf(files ?? [])
      if (stamp === this.#stamp) return
      this.#stamp = stamp
      const { credential, authorities } = await readFiles(files)
      this.trust.replace(credential, authorities)
      logger.info({ authority: this.fingerprint }, 'the files of certificate and authorities were read anew')
    } catch (error) {
      logger.error({ code: errorCode(error), reason: errorMessage(error) }, 'the certificate was not renewed')
    }
  }
}

function operatorFiles({ certificateFile, keyFile, authoritiesFile }: SeedConfig['tls']): string[] | undefined {
  const files = [certificateFile, keyFile, authoritiesFile].filter((file) => file !== null)
  if (files.length === 0) return undefined
  if (files.length < 3) {
    const reason = 'certificateFile, keyFile and authoritiesFile go together'
    throw seedError('SHOAL_SEED_TLS_FILES', { reason })
  }
  return files
}

async function readFiles(
  files: readonly string[] | undefined,
): Promise<{ credential: Credential; authorities: X509Certificate[] }> {
  const [certificateFile = '', keyFile, authoritiesFile = ''] = files ?? []
  const credential = await loadCredential(certificateFile, keyFile)
  if (credential === undefined) throw seedError('SHOAL_SEED_TLS_FILES', { reason: `${certificateFile} is not there` })
  const authorities = await loadAuthorities(authoritiesFile)
  if (authorities === undefined) throw seedError('SHOAL_SEED_TLS_FILES', { reason: `${authoritiesFile} is not there` })
  return { credential, authorities }
}

/** Changes when one of the files does, be it written in place or replaced. */
async function stampOf(files: readonly string[]): Promise<string> {
  const stats = await Promise.all(files.map((file) => stat(file).catch(() => undefined)))
  return stats.map((each) => (each === undefined ? '-' : `${each.ino} ${each.size} ${each.mtimeMs}`)).join()
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
  return { credential: createCredential(privateKey, [own]), authorities: [authority.certificate] }
}

/** An address to listen on everywhere is nobody's name. */
function isName(host: string): boolean {
  return host !== '0.0.0.0' && host !== '::' && host !== ''
}
