import type { KeyObject } from 'node:crypto'
import { MAX_KEY_STATEMENTS } from '@shoal/api'
import { type Clock, decodeKeyStatement, decodePublicKey, errorCode, errorMessage, type Logger } from '@shoal/core'
import { peerError } from './errors.ts'
import type { PeerRecords } from './peer-records.ts'
import { isNoAnswer, type SeedLink } from './seed-link.ts'
import type { SignatureTrust } from './signature-trust.ts'
import { follow, hasKnown, type TrustedKey, type TrustedKeys, trustOnly, withoutOld } from './trusted-keys.ts'

export interface KeyTrustDeps {
  readonly seed: Pick<SeedLink, 'call'>
  readonly records: Pick<PeerRecords, 'trustedKeys' | 'saveTrustedKeys'>
  readonly clock: Clock
  readonly logger: Logger
  /** Other keys are trusted than before. */
  readonly onChange?: () => void
}

/**
 * Which keys may sign manifests: the configured one, or else the one that the seed showed first (trust on first use), and from then on those
 * that follow from it by statements of the seed. What was learnt is durable before anything is taken by it.
 */
export class KeyTrust implements SignatureTrust {
  readonly #deps: KeyTrustDeps
  readonly #configured: string | null
  readonly #seedUrl: string
  #trusted: TrustedKeys = { keys: [], past: [] }
  #decoded: { readonly of: readonly TrustedKey[]; readonly keys: readonly KeyObject[] } = { of: [], keys: [] }
  /** How many statements there were when they were last gone through. */
  #followed = -1
  #following: Promise<boolean> | undefined
  #lastFault = ''

  constructor(deps: KeyTrustDeps, options: { publicKey: string | null; seedUrl: string }) {
    this.#deps = deps
    this.#configured = options.publicKey
    this.#seedUrl = options.seedUrl
  }

  /** Reads what was learnt before. It holds unless another key, which does not come from it, is configured by now. */
  async open(): Promise<void> {
    const known = await this.#deps.records.trustedKeys()
    const configured = this.#configured
    if (known !== undefined && (configured === null || hasKnown(known, configured))) this.#trusted = known
    else if (configured !== null) this.#trusted = trustOnly(configured)
  }

  /** Keys that are trusted now, the newest first. */
  get trusted(): readonly TrustedKey[] {
    const left = withoutOld(this.#trusted, this.#deps.clock.now())
    if (left !== this.#trusted) {
      this.#trusted = left
      void this.#deps.records.saveTrustedKeys(left)
      this.#deps.onChange?.()
    }
    return left.keys
  }

  keys(): readonly KeyObject[] {
    const { trusted } = this
    if (this.#decoded.of !== trusted) {
      this.#decoded = { of: trusted, keys: trusted.map(({ publicKey }) => decodePublicKey(publicKey)) }
    }
    return this.#decoded.keys
  }

  /** Takes note of the keys that the seed shows, the newest first: pins the first one of all, asks how it comes to another. */
  async show(shown: readonly string[], options: { signal: AbortSignal }): Promise<void> {
    const { logger } = this.#deps
    const [newest] = shown.filter(isPublicKey)
    if (newest !== undefined && this.#trusted.keys.length === 0) {
      await this.#set(trustOnly(newest))
      logger.info({ key: newest }, 'trusting the key that the seed shows; from now on only those that follow from it')
    }
    if (newest !== undefined && newest !== this.#trusted.keys[0]?.publicKey) await this.refresh(options)
    if (newest === undefined || newest !== this.#trusted.keys[0]?.publicKey) {
      this.#tellFault(`it shows ${shown.join(', ') || 'none'}`)
    }
  }

  /** Takes note of how many statements there are. */
  async note(statements: number, options: { signal: AbortSignal }): Promise<void> {
    if (statements !== this.#followed) await this.refresh(options)
  }

  /** Asks the seed what follows from the keys that are trusted; whether that changed anything. Never rejects. */
  refresh({ signal }: { signal: AbortSignal }): Promise<boolean> {
    this.#following ??= this.#follow(signal).finally(() => {
      this.#following = undefined
    })
    return this.#following
  }

  async #follow(signal: AbortSignal): Promise<boolean> {
    const { seed, clock, logger } = this.#deps
    try {
      const { statements } = await seed.call((client) => client.listKeys({ signal }))
      const before = this.#trusted
      let trusted = before
      const faults: string[] = []
      for (const statement of statements.slice(0, MAX_KEY_STATEMENTS)) {
        const followed = follow(trusted, decodeKeyStatement(Buffer.from(statement, 'base64url')), clock.now())
        trusted = followed.trusted
        if (followed.fault !== undefined) faults.push(followed.fault)
      }
      if (faults.length > 0) this.#tellFault(faults.join('; '))
      this.#followed = statements.length
      if (trusted === before) return false
      await this.#set(trusted)
      logger.info({ keys: trusted.keys.map(({ publicKey }) => publicKey) }, 'trusting the keys that the seed names')
      return true
    } catch (error) {
      if (!signal.aborted && !isNoAnswer(error)) {
        logger.warn({ code: errorCode(error), reason: errorMessage(error) }, 'statements of signing keys not taken')
      }
      return false
    }
  }

  async #set(trusted: TrustedKeys): Promise<void> {
    await this.#deps.records.saveTrustedKeys(trusted)
    this.#trusted = trusted
    this.#deps.onChange?.()
  }

  /** Once, until it is another one. */
  #tellFault(reason: string): void {
    if (reason === this.#lastFault) return
    this.#lastFault = reason
    const [newest] = this.#trusted.keys
    const error = peerError('SHOAL_PEER_SEED_KEY', { url: this.#seedUrl, trusted: newest?.publicKey ?? 'none', reason })
    this.#deps.logger.error({ code: error.code, hint: error.hint }, error.message)
  }
}

function isPublicKey(key: string): boolean {
  try {
    decodePublicKey(key)
    return true
  } catch {
    return false
  }
}
