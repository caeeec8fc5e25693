import type { SignedKeyStatement } from '@shoal/core'

/** A key whose signatures are taken; base64url. */
export interface TrustedKey {
  readonly publicKey: string
  /** Null of one that was configured or pinned, until a statement tells it. */
  readonly serial: number | null
  /** Until when it is trusted beside its successor, milliseconds since the Unix epoch; null of the newest. */
  readonly until: number | null
}

/** Which keys a node trusts, and which it never trusts again. */
export interface TrustedKeys {
  /** The newest first. */
  readonly keys: readonly TrustedKey[]
  /** Those that were trusted once, the newest first. */
  readonly past: readonly string[]
}

/** What came of a statement. */
export interface Followed {
  readonly trusted: TrustedKeys
  /** What is wrong with it, if it was made by a key that counts and yet must not be gone by. */
  readonly fault?: string
}

const MAX_PAST = 1024

/** Trust that begins with one key. */
export function trustOnly(publicKey: string): TrustedKeys {
  return { keys: [{ publicKey, serial: null, until: null }], past: [] }
}

/** Whether a key is trusted, or was. */
export function hasKnown({ keys, past }: TrustedKeys, publicKey: string): boolean {
  return keys.some((key) => key.publicKey === publicKey) || past.includes(publicKey)
}

/** Without the keys whose time is over; they are not trusted again, whatever the clock says later. */
export function withoutOld(trusted: TrustedKeys, now: number): TrustedKeys {
  return keep(trusted, ({ until }) => until === null || until > now)
}

/**
 * Goes by one statement of the seed (docs/formats/key-statement.md). Those that say nothing new, or were signed by nobody who counts, change
 * nothing.
 */
export function follow(trusted: TrustedKeys, statement: SignedKeyStatement, now: number): Followed {
  return statement.kind === 'succession' ? succeed(trusted, statement, now) : { trusted: retire(trusted, statement) }
}

function succeed(trusted: TrustedKeys, statement: SignedKeyStatement, now: number): Followed {
  const [newest, ...older] = trusted.keys
  if (newest === undefined) return { trusted }
  const { serial, publicKey, signer, madeAt, until } = statement
  if (newest.serial !== null && serial <= newest.serial) {
    const isOther = serial === newest.serial && publicKey !== newest.publicKey && hasKnown(trusted, signer)
    return isOther
      ? { trusted, fault: `${signer} has two successors, ${newest.publicKey} and ${publicKey}` }
      : { trusted }
  }
  if (signer !== newest.publicKey) return { trusted }
  if (newest.serial !== null && serial !== newest.serial + 1) {
    return { trusted, fault: `number ${serial} does not follow number ${newest.serial}` }
  }
  if (hasKnown(trusted, publicKey)) return { trusted, fault: `${publicKey} was trusted before` }
  // Where the seed's clock is ahead of ours the overlap is not longer for it.
  const before = { ...newest, serial: serial - 1, until: Math.min(until, now + (until - madeAt)) }
  const keys = [{ publicKey, serial, until: null }, before, ...older]
  return { trusted: withoutOld({ ...trusted, keys }, now) }
}

function retire(trusted: TrustedKeys, { serial, signer }: SignedKeyStatement): TrustedKeys {
  const by = trusted.keys.find(({ publicKey }) => publicKey === signer)
  if (by === undefined || by.serial === null || by.serial <= serial) return trusted
  return keep(trusted, (key) => key.serial === null || key.serial > serial)
}

function keep(trusted: TrustedKeys, holds: (key: TrustedKey) => boolean): TrustedKeys {
  const gone = trusted.keys.filter((key) => !holds(key)).map(({ publicKey }) => publicKey)
  if (gone.length === 0) return trusted
  return { keys: trusted.keys.filter(holds), past: [...gone, ...trusted.past].slice(0, MAX_PAST) }
}
