import { createHash, type KeyObject } from 'node:crypto'
import { MAX_JOIN_TOKENS } from '@shoal/api'
import type { Clock } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { formatJoinToken, hashJoinSecret, isJoinSecret, type JoinToken, newJoinToken } from '@shoal/trust'
import { seedError } from '../errors.ts'

/** A join token as it is kept: without its secret. Times in milliseconds since the epoch. */
export interface JoinTokenRecord {
  readonly id: string
  /** Of the secret. */
  readonly hash: string
  /** The only node that may use it; null: any. */
  readonly node: string | null
  readonly createdAt: number
  readonly expiresAt: number
  /** Once it is used up: by which node, with which key. */
  readonly used?: { readonly node: string; readonly key: string }
}

const PREFIX = 'seed/join-token/'

/** The join tokens that were made and are not over: each is good for one node, once. */
export class JoinTokens {
  readonly #deps: { readonly state: StateStore; readonly clock: Clock }
  readonly #tokens = new Map<string, JoinTokenRecord>()

  constructor(deps: { state: StateStore; clock: Clock }) {
    this.#deps = deps
  }

  async open(): Promise<void> {
    for await (const { value } of this.#deps.state.range<JoinTokenRecord>({ prefix: PREFIX })) {
      this.#tokens.set(value.id, value)
    }
  }

  /** Those that may still be used, the oldest first. */
  list(): JoinTokenRecord[] {
    const now = this.#deps.clock.now()
    const open = [...this.#tokens.values()].filter(({ used, expiresAt }) => used === undefined && expiresAt > now)
    return open.sort((a, b) => a.createdAt - b.createdAt)
  }

  /** Makes a token; its text is not kept. Throws `SHOAL_JOIN_TOKEN_LIMIT`. */
  async create(options: {
    authority: string
    node: string | null
    lifetimeMs: number
  }): Promise<JoinTokenRecord & { readonly text: string }> {
    await this.#dropOld()
    if (this.#tokens.size >= MAX_JOIN_TOKENS) throw seedError('SHOAL_JOIN_TOKEN_LIMIT', { limit: MAX_JOIN_TOKENS })
    const token = newJoinToken(options.authority)
    const createdAt = this.#deps.clock.now()
    const record: JoinTokenRecord = {
      id: token.id,
      hash: hashJoinSecret(token.secret),
      node: options.node,
      createdAt,
      expiresAt: createdAt + options.lifetimeMs,
    }
    await this.#put(record)
    return { ...record, text: formatJoinToken(token) }
  }

  /** Takes a token back; false when there is none of this id. */
  async remove(id: string): Promise<boolean> {
    if (!this.#tokens.delete(id)) return false
    await this.#deps.state.delete(PREFIX + id)
    return true
  }

  /**
   * Uses a token up, durably, before anything is given for it. The same node may say it again with the same key: its answer may have been
   * lost. Throws `SHOAL_JOIN_REFUSED`, which says no more to the sender than it must; the reason is among its details.
   */
  async use({ id, secret }: JoinToken, node: string, publicKey: KeyObject): Promise<void> {
    const record = this.#tokens.get(id)
    const key = createHash('sha256')
      .update(publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64url')
    const refuse = (reason: string) => seedError('SHOAL_JOIN_REFUSED', { token: id, node, reason })
    if (record === undefined || !isJoinSecret(secret, record.hash)) throw refuse('it is not known')
    if (record.expiresAt <= this.#deps.clock.now()) throw refuse('it is over')
    if (record.node !== null && record.node !== node) throw refuse('it is for another node')
    const { used } = record
    if (used !== undefined) {
      if (used.node !== node || used.key !== key) throw refuse('it was used already')
      return
    }
    await this.#put({ ...record, used: { node, key } })
  }

  async #put(record: JoinTokenRecord): Promise<void> {
    // In memory first: two that come at once must not both find it unused.
    this.#tokens.set(record.id, record)
    await this.#deps.state.put(PREFIX + record.id, record)
  }

  async #dropOld(): Promise<void> {
    const now = this.#deps.clock.now()
    const old = [...this.#tokens.values()].filter(({ expiresAt }) => expiresAt <= now).map(({ id }) => id)
    for (const id of old) this.#tokens.delete(id)
    if (old.length > 0) await this.#deps.state.batch(old.map((id) => ({ type: 'delete', key: PREFIX + id })))
  }
}
