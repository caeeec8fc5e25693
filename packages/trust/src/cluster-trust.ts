import type { X509Certificate } from 'node:crypto'
import type { Clock } from '@shoal/core'
import { decodeChain } from './certificate-chain.ts'
import { checkMoment } from './chain-verifier.ts'
import { trustError } from './errors.ts'
import { DEFAULT_TRUST_DOMAIN, type Identity } from './identity.ts'
import { KnownPaths } from './known-paths.ts'
import { type Credential, chainOf } from './node-credential.ts'
import { isTranscriptSigned, signTranscript } from './possession.ts'
import { type RevocationList, Revocations } from './revocations.ts'

/** Clocks of two machines may differ by this much. */
const TOLERANCE_MS = 5 * 60_000

export interface ClusterTrustOptions {
  readonly credential: Credential
  readonly authorities: readonly X509Certificate[]
  readonly domain?: string
  readonly toleranceMs?: number
}

/**
 * What a daemon knows of its cluster: its own credential, the authorities it trusts and what is revoked. Each of these may be replaced while the
 * daemon runs; what it answers is always by the newest.
 */
export class ClusterTrust {
  readonly #clock: Pick<Clock, 'now'>
  readonly #domain: string
  readonly #toleranceMs: number
  readonly #listeners = new Set<() => void>()
  readonly #known = new KnownPaths()
  #credential: Credential
  #chain: Uint8Array
  #identity: Identity
  #authorities: readonly X509Certificate[]
  #revocations = new Revocations()

  /**
   * Throws as {@link verifyChain} does when the credential is none of this cluster. One that is over is taken: others will refuse it, but
   * its holder goes on with what needs nobody else until it has another.
   */
  constructor(deps: { clock: Pick<Clock, 'now'> }, options: ClusterTrustOptions) {
    this.#clock = deps.clock
    this.#domain = options.domain ?? DEFAULT_TRUST_DOMAIN
    this.#toleranceMs = options.toleranceMs ?? TOLERANCE_MS
    this.#authorities = options.authorities
    this.#credential = options.credential
    this.#chain = chainOf(options.credential)
    this.#identity = this.#verify(options.credential.certificates, undefined)
  }

  /** Whose credential this daemon holds. */
  get identity(): Identity {
    return this.#identity
  }

  get credential(): Credential {
    return this.#credential
  }

  get authorities(): readonly X509Certificate[] {
    return this.#authorities
  }

  get revocations(): RevocationList {
    return this.#revocations.list
  }

  /** Its chain as it crosses a wire: DER certificates one after another, the holder's first; at most 16 KiB. */
  get chain(): Uint8Array {
    return this.#chain
  }

  /** Proves that this daemon holds the key of its {@link chain}. The transcript must name both sides and this very connection. */
  sign(transcript: Uint8Array): Uint8Array {
    return signTranscript(this.#credential.privateKey, transcript)
  }

  /**
   * Who is at the other end: the holder of the chain, when it signed this very transcript. Throws the codes of {@link verifyChain} and
   * `SHOAL_TRUST_PROOF`.
   */
  verify(chain: Uint8Array, transcript: Uint8Array, signature: Uint8Array): Identity {
    const certificates = decodeChain(chain)
    const identity = this.verifyChain(certificates)
    const [holder] = certificates
    if (holder === undefined || !isTranscriptSigned(holder.publicKey, transcript, signature)) {
      throw trustError('SHOAL_TRUST_PROOF', { subject: `${identity.role} ${identity.name}` })
    }
    return identity
  }

  /** Who a chain speaks for, shown where possession was proven otherwise: by TLS. Throws as {@link verifyChain} does. */
  verifyChain(certificates: readonly X509Certificate[]): Identity {
    return this.#verify(certificates, this.#clock.now())
  }

  /** Takes a new credential of the same identity, and with it, if given, the authorities that hold from now on. */
  replace(credential: Credential, authorities: readonly X509Certificate[] = this.#authorities): void {
    const before = this.#authorities
    this.#authorities = authorities
    try {
      this.#identity = this.verifyChain(credential.certificates)
    } catch (error) {
      this.#authorities = before
      throw error
    }
    this.#credential = credential
    this.#chain = chainOf(credential)
    this.#tell()
  }

  /** Takes a newer revocation list. */
  setRevocations(list: RevocationList): void {
    this.#revocations = new Revocations(list)
    this.#tell()
  }

  /** Adds a listener for changes of credential, authorities or revocations: whoever is connected is to be verified anew. */
  onChange(listener: () => void): void {
    this.#listeners.add(listener)
  }

  #verify(certificates: readonly X509Certificate[], now: number | undefined): Identity {
    const verified = this.#known.verify(certificates, { authorities: this.#authorities, domain: this.#domain })
    checkMoment(verified, { revocations: this.#revocations, now, toleranceMs: this.#toleranceMs })
    return verified.identity
  }

  #tell(): void {
    for (const listener of this.#listeners) listener()
  }
}
