import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { type KeyList, MAX_KEY_STATEMENTS, type SigningKey } from '@shoal/api'
import {
  type Clock,
  decodeKeyStatement,
  decodePublicKey,
  encodeKeyStatement,
  encodePublicKey,
  errorMessage,
  publicKeyId,
} from '@shoal/core'
import { seedError } from '../errors.ts'
import { openSigningKeyFile, replaceSigningKeyFile, type SigningKeyFile } from './signing-key-file.ts'

/** Keys that are trusted at a time: nodes are told of so many at most. */
const MAX_TRUSTED = 8

interface Key {
  readonly publicKey: string
  readonly serial: number
  readonly since: number | null
  /** Until when it is trusted, if nothing ends that sooner; null of the current one. */
  readonly until: number | null
  readonly isRetired: boolean
}

/**
 * The key that signs, those before it, and what they said of each other. A rotation and a retirement are one replacement of a file: done, or
 * not begun.
 */
export class SigningKeys {
  readonly #path: string
  readonly #clock: Pick<Clock, 'now'>
  #file: SigningKeyFile
  #keys: readonly Key[]
  #trustedKeys: { readonly of: string; readonly keys: readonly KeyObject[] } = { of: '', keys: [] }
  #tail: Promise<unknown> = Promise.resolve()

  private constructor(path: string, clock: Pick<Clock, 'now'>, file: SigningKeyFile) {
    this.#path = path
    this.#clock = clock
    this.#file = file
    this.#keys = keysOf(file)
  }

  /** Reads the file, or makes the first key. Throws `SHOAL_SEED_KEY`, also when the statements do not lead to the key. */
  static async open(path: string, deps: { clock: Pick<Clock, 'now'> }): Promise<SigningKeys> {
    const file = await openSigningKeyFile(path)
    try {
      return new SigningKeys(path, deps.clock, file)
    } catch (error) {
      throw seedError('SHOAL_SEED_KEY', { path, reason: errorMessage(error) }, error)
    }
  }

  /** The key that signs now. */
  get privateKey(): KeyObject {
    return this.#file.privateKey
  }

  /** Its public half, base64url. */
  get publicKey(): string {
    return encodePublicKey(this.#file.publicKey)
  }

  /** All statements, in their order. */
  get statements(): readonly Uint8Array[] {
    return this.#file.statements
  }

  /** Public keys whose signatures hold, the newest first. */
  get trusted(): readonly string[] {
    const now = this.#clock.now()
    return this.#keys
      .filter((key) => stateOf(key, now) !== 'retired')
      .map(({ publicKey }) => publicKey)
      .slice(0, MAX_TRUSTED)
  }

  /** The same; the same array for as long as they are the same. */
  get trustedKeys(): readonly KeyObject[] {
    const { trusted } = this
    const of = trusted.join()
    if (this.#trustedKeys.of !== of) this.#trustedKeys = { of, keys: trusted.map(decodePublicKey) }
    return this.#trustedKeys.keys
  }

  list(): KeyList {
    const now = this.#clock.now()
    return {
      keys: this.#keys.map((key) => view(key, now)),
      statements: this.statements.map((statement) => Buffer.from(statement).toString('base64url')),
    }
  }

  /** Makes the next key; the one before is trusted for so long, and its private half is gone. Throws `SHOAL_KEY_LIMIT` and `SHOAL_SEED_KEY`. */
  rotate({ overlapMs }: { overlapMs: number }): Promise<void> {
    return this.#inTurn(async () => {
      if (this.trusted.length >= MAX_TRUSTED || this.statements.length >= MAX_KEY_STATEMENTS) {
        throw seedError('SHOAL_KEY_LIMIT', { trusted: MAX_TRUSTED, statements: MAX_KEY_STATEMENTS })
      }
      const { privateKey, publicKey } = generateKeyPairSync('ed25519')
      const madeAt = this.#now()
      const serial = this.#current.serial + 1
      const said = { kind: 'succession', serial, madeAt, until: madeAt + overlapMs } as const
      const statement = encodeKeyStatement({ ...said, publicKey: encodePublicKey(publicKey) }, this.privateKey)
      await this.#replace({ privateKey, statements: [...this.statements, statement] })
    })
  }

  /** Ends the trust in a key and in all before it. Throws `SHOAL_KEY_UNKNOWN`, `SHOAL_KEY_CURRENT` and `SHOAL_SEED_KEY`. */
  retire(id: string): Promise<void> {
    return this.#inTurn(async () => {
      const key = this.#keys.find(({ publicKey }) => idOf(publicKey) === id)
      if (key === undefined) throw seedError('SHOAL_KEY_UNKNOWN', { key: id })
      if (key.until === null) throw seedError('SHOAL_KEY_CURRENT', { key: id })
      if (!key.isRetired) await this.#retire(key)
    })
  }

  /** Says of keys whose time is over that they are not trusted any more; false when there is none. Throws `SHOAL_SEED_KEY`. */
  retireOld(): Promise<boolean> {
    return this.#inTurn(async () => {
      const now = this.#clock.now()
      const old = this.#keys.find(({ until, isRetired }) => !isRetired && until !== null && until <= now)
      // What nodes do not hear of by a statement they know by their clocks.
      if (old === undefined || this.statements.length >= MAX_KEY_STATEMENTS) return false
      await this.#retire(old)
      return true
    })
  }

  get #current(): Key {
    const [current] = this.#keys
    if (current === undefined) throw new TypeError('there is no key')
    return current
  }

  async #retire({ serial, publicKey }: Key): Promise<void> {
    if (this.statements.length >= MAX_KEY_STATEMENTS) {
      throw seedError('SHOAL_KEY_LIMIT', { trusted: MAX_TRUSTED, statements: MAX_KEY_STATEMENTS })
    }
    const said = { kind: 'retirement', serial, madeAt: this.#now(), until: 0, publicKey } as const
    const statement = encodeKeyStatement(said, this.privateKey)
    await this.#replace({ privateKey: this.privateKey, statements: [...this.statements, statement] })
  }

  async #replace(next: Omit<SigningKeyFile, 'publicKey'>): Promise<void> {
    const file = { ...next, publicKey: createPublicKey(next.privateKey) }
    const keys = keysOf(file)
    await replaceSigningKeyFile(this.#path, file)
    this.#file = file
    this.#keys = keys
  }

  /** A clock that was set back must not make a statement older than the one before. */
  #now(): number {
    const last = this.statements.at(-1)
    return Math.max(this.#clock.now(), last === undefined ? 0 : decodeKeyStatement(last).madeAt)
  }

  #inTurn<T>(task: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(task)
    this.#tail = turn.catch(() => {})
    return turn
  }
}

/** The keys of a file, the newest first. Throws when its statements do not lead to its key. */
function keysOf({ publicKey, statements }: Pick<SigningKeyFile, 'publicKey' | 'statements'>): Key[] {
  const said = statements.map((statement) => decodeKeyStatement(statement))
  const current = encodePublicKey(publicKey)
  const retirements = said.filter(({ kind }) => kind === 'retirement')
  const retired = Math.max(-1, ...retirements.map(({ serial }) => serial))
  const successions = said.filter(({ kind }) => kind === 'succession')
  const names = [...successions.map(({ signer }) => signer), current]
  if (successions.some((succession, index) => succession.publicKey !== names[index + 1])) {
    throw new Error('its statements lead to another key')
  }
  const keys = names.map((name, serial): Key => {
    const since = successions[serial - 1]?.madeAt ?? null
    const until = successions[serial]?.until ?? null
    return { publicKey: name, serial, since, until, isRetired: serial <= retired }
  })
  return keys.reverse()
}

function stateOf({ until, isRetired }: Key, now: number): SigningKey['state'] {
  if (until === null) return 'current'
  return isRetired || until <= now ? 'retired' : 'trusted'
}

function view(key: Key, now: number): SigningKey {
  const { publicKey, serial, since, until } = key
  const time = (at: number | null) => (at === null ? null : new Date(at).toISOString())
  return {
    id: idOf(publicKey),
    publicKey,
    serial,
    state: stateOf(key, now),
    since: time(since),
    trustedUntil: time(until),
  }
}

function idOf(publicKey: string): string {
  return publicKeyId(decodePublicKey(publicKey)).toString('hex')
}
