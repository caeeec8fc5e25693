import { randomBytes } from 'node:crypto'
import type { Actor, CreatedToken, Token, TokenRequest } from '@shoal/api'
import type { Clock } from '@shoal/core'
import {
  type AccessTokens,
  type Credential,
  type Credentials,
  fileCredentials,
  hashOfToken,
  isSameHash,
  type PersonRole,
} from '@shoal/service'
import type { StateStore } from '@shoal/state'
import { seedError } from '../errors.ts'
import type { EventJournal } from '../events/event-journal.ts'

export interface NamedTokensDeps {
  readonly state: Pick<StateStore, 'range'>
  readonly journal: Pick<EventJournal, 'append'>
  readonly clock: Pick<Clock, 'now'>
}

/** A token as it is kept: whoever reads the record cannot sign in with it. */
interface TokenRecord {
  readonly name: string
  readonly role: PersonRole
  /** Names the record in the token, so that no table is searched by what somebody sends. */
  readonly id: string
  /** SHA-256 of the token, hexadecimal. */
  readonly hash: string
  readonly createdAt: string
  readonly createdBy: Actor
  readonly expiresAt: string | null
}

const PREFIX = 'seed/token/'
const MAX_TOKENS = 1000
const ID_BYTES = 6
const SECRET_BYTES = 32
const TOKEN = /^shoal_([0-9a-f]{12})_[\w-]{43}$/
const FILE_TOKENS = ['operator', 'viewer', 'node'] as const

/** The tokens of a seed: those that are kept in its files, and those that were made over the API, of which it keeps hashes. */
export class NamedTokens implements Credentials {
  readonly #deps: NamedTokensDeps
  readonly #files: Credentials
  readonly #byId = new Map<string, TokenRecord>()
  readonly #byName = new Map<string, TokenRecord>()

  constructor(deps: NamedTokensDeps, files: AccessTokens) {
    this.#deps = deps
    this.#files = fileCredentials(files)
  }

  /** Reads what was made. To be called once, before anything else. */
  async open(): Promise<void> {
    for await (const { value } of this.#deps.state.range<TokenRecord>({ prefix: PREFIX })) this.#set(value)
  }

  byToken(token: string): Credential | undefined {
    const record = this.#byId.get(TOKEN.exec(token)?.[1] ?? '')
    if (record === undefined) return this.#files.byToken(token)
    const credential = this.#credentialOf(record)
    return credential !== undefined && isSameHash(credential.hash, hashOfToken(token)) ? credential : undefined
  }

  byName(name: string): Credential | undefined {
    const record = this.#byName.get(name)
    return record === undefined ? this.#files.byName(name) : this.#credentialOf(record)
  }

  /** All of them, by name. */
  list(): Token[] {
    const ofFiles = FILE_TOKENS.flatMap((name): Token[] => {
      const role = this.#files.byName(name)?.role
      if (role === undefined) return []
      return [{ name, role, source: 'file', createdAt: null, createdBy: null, expiresAt: null, isExpired: false }]
    })
    const made = [...this.#byName.values()].map((record) => this.#view(record))
    return [...ofFiles, ...made].sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  /** Makes a token. Throws `SHOAL_TOKEN_EXISTS` and `SHOAL_TOKEN_LIMIT`. */
  async create({ name, role, lifetimeSeconds }: TokenRequest, actor: Actor): Promise<CreatedToken> {
    const { journal, clock } = this.#deps
    if (this.#byName.has(name) || FILE_TOKENS.some((known) => known === name)) {
      throw seedError('SHOAL_TOKEN_EXISTS', { token: name })
    }
    if (this.#byName.size >= MAX_TOKENS) throw seedError('SHOAL_TOKEN_LIMIT', { limit: MAX_TOKENS })
    const now = clock.now()
    const id = randomBytes(ID_BYTES).toString('hex')
    const token = `shoal_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`
    const record: TokenRecord = {
      ...{ name, role, id, hash: hashOfToken(token).toString('hex') },
      createdAt: new Date(now).toISOString(),
      createdBy: actor,
      expiresAt: lifetimeSeconds === undefined ? null : new Date(now + lifetimeSeconds * 1000).toISOString(),
    }
    this.#set(record)
    const message = `Token ${name} was made; its role is ${role}.`
    const draft = {
      type: 'token.created',
      actor,
      message,
      details: { token: name, role, expiresAt: record.expiresAt },
    } as const
    try {
      await journal.append([draft], [{ type: 'put', key: PREFIX + name, value: record }])
    } catch (error) {
      this.#delete(record)
      throw error
    }
    return { token, details: this.#view(record) }
  }

  /** Ends a token. Throws `SHOAL_TOKEN_UNKNOWN`, and `SHOAL_TOKEN_FILE` for one that is kept in a file. */
  async revoke(name: string, actor: Actor): Promise<void> {
    const record = this.#byName.get(name)
    if (record === undefined) {
      const isOfFile = FILE_TOKENS.some((known) => known === name)
      throw isOfFile
        ? seedError('SHOAL_TOKEN_FILE', { token: name })
        : seedError('SHOAL_TOKEN_UNKNOWN', { token: name })
    }
    // At once, whether it can be written or not: the caller is told and tries again.
    this.#delete(record)
    const message = `Token ${name} was revoked.`
    await this.#deps.journal.append(
      [{ type: 'token.revoked', actor, message, details: { token: name, role: record.role } }],
      [{ type: 'delete', key: PREFIX + name }],
    )
  }

  #credentialOf({ name, role, hash, expiresAt }: TokenRecord): Credential | undefined {
    if (expiresAt !== null && Date.parse(expiresAt) <= this.#deps.clock.now()) return undefined
    return { name, role, hash: Buffer.from(hash, 'hex') }
  }

  #view({ name, role, createdAt, createdBy, expiresAt }: TokenRecord): Token {
    const isExpired = expiresAt !== null && Date.parse(expiresAt) <= this.#deps.clock.now()
    return { name, role, source: 'created', createdAt, createdBy, expiresAt, isExpired }
  }

  #set(record: TokenRecord): void {
    this.#byName.set(record.name, record)
    this.#byId.set(record.id, record)
  }

  #delete({ name, id }: TokenRecord): void {
    this.#byName.delete(name)
    this.#byId.delete(id)
  }
}
