import type { KeyObject } from 'node:crypto'
import { type Clock, decodePublicKey, type Logger } from '@shoal/core'
import { peerError } from './errors.ts'
import type { PeerRecords } from './peer-records.ts'

/**
 * Which keys may sign manifests: the configured one, or else the keys the seed showed first (trust on first use), which are
 * pinned from then on.
 */
export class KeyTrust {
  readonly #deps: { readonly records: PeerRecords; readonly clock: Clock; readonly logger: Logger }
  readonly #configured: string | null
  readonly #seedUrl: string
  #trusted: readonly string[] = []
  #lastShown = ''

  constructor(
    deps: { records: PeerRecords; clock: Clock; logger: Logger },
    options: { publicKey: string | null; seedUrl: string },
  ) {
    this.#deps = deps
    this.#configured = options.publicKey
    this.#seedUrl = options.seedUrl
  }

  /** Reads what was pinned before. */
  async open(): Promise<void> {
    const pinned = await this.#deps.records.pinnedKeys()
    this.#trusted = this.#configured === null ? (pinned?.keys ?? []) : [this.#configured]
  }

  keys(): KeyObject[] {
    return decodeAll(this.#trusted)
  }

  /** Takes note of the keys that the seed shows: pins the first ones, warns about others. */
  async show(shown: readonly string[]): Promise<void> {
    const { records, clock, logger } = this.#deps
    const usable = shown.filter((key) => decodeAll([key]).length === 1)
    if (this.#trusted.length === 0 && usable.length > 0) {
      this.#trusted = usable
      await records.savePinnedKeys({ keys: usable, pinnedAt: new Date(clock.now()).toISOString() })
      logger.info({ keys: usable }, 'trusting the keys that the seed shows, from now on only these')
      return
    }
    const isTrusted = usable.some((key) => this.#trusted.includes(key))
    if (isTrusted || shown.join() === this.#lastShown) return
    this.#lastShown = shown.join()
    const error = peerError('SHOAL_PEER_SEED_KEY', {
      url: this.#seedUrl,
      trusted: this.#trusted.join(', '),
      shown: shown.join(', ') || 'none',
    })
    logger.error({ code: error.code, hint: error.hint }, error.message)
  }
}

function decodeAll(keys: readonly string[]): KeyObject[] {
  return keys.flatMap((key) => {
    try {
      return [decodePublicKey(key)]
    } catch {
      return []
    }
  })
}
