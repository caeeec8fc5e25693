import type { GrantSubject } from './layer-grant.ts'

/** Why somebody was not let in; what each means is in docs/formats/swarm-authentication.md. */
export const REFUSAL_REASONS = [
  'no-credential',
  'malformed',
  'unknown-authority',
  'expired',
  'revoked',
  'wrong-name',
  'reflected',
  'bad-proof',
  'replayed',
  'stale',
  'timeout',
  'tampered',
  'no-grant',
  'bad-grant',
  'grant-ended',
] as const

export type RefusalReason = (typeof REFUSAL_REASONS)[number]

/** What the swarm needs to know of the cluster's credentials: who we are, who others are, and who may have which layer. */
export interface SwarmIdentity {
  /** What we show now. It may have been renewed since the last time. */
  credential(): SwarmCredential
  /** Whose chain of certificates it is, when it is good now; otherwise what is wrong with it. Takes any bytes. */
  check(chain: Uint8Array): Holder | RefusalReason
  /** Our own grant of a layer (info hash in hexadecimal), the same object while there is no newer; `undefined` without one that holds. */
  grant(infoHash: string): Uint8Array | undefined
  /** What a node shows as its grant, when it is one and holds now; otherwise what is wrong with it. Takes any bytes. */
  checkGrant(bytes: Uint8Array, subject: GrantSubject): LayerGrant | RefusalReason
}

/** A grant that the seed signed. */
export interface LayerGrant {
  /** Asked every second. */
  hasEnded(): boolean
}

/** A chain and the key of its first certificate. */
export interface SwarmCredential {
  /** DER certificates one after another, our own first. */
  readonly chain: Uint8Array
  /** Proves that we hold the key; as docs/formats/credentials.md has it. */
  sign(message: Uint8Array): Uint8Array
}

/** Somebody whose certificates are good. That he holds the key of the first is still to be shown. */
export interface Holder {
  readonly name: string
  readonly role: 'node' | 'seed'
  /** False for whatever is not his signature of this message. */
  verify(message: Uint8Array, signature: Uint8Array): boolean
  /** What has become wrong with the credential since; `undefined` while it is good. Asked every second. */
  lapsed(): RefusalReason | undefined
}

/** Something that was refused because nobody proved who did it. */
export interface AccessRefusal {
  readonly kind: 'wire' | 'lane' | 'announce' | 'dht'
  readonly reason: RefusalReason
  /** `host` or `host:port` it came from. */
  readonly address: string
  /** The node whose certificate was shown, if it was a good one; `null` for strangers. */
  readonly node: string | null
}
