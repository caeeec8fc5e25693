import type { Digest } from '@shoal/core'

/** Who holds a layer: a machine that reads it, a composed disk, a plan until its deadline, or the operator. */
export type PinKind = 'machine' | 'disk' | 'plan' | 'operator'

/** Keeps a layer, and what is below it, from being evicted. */
export interface Pin {
  readonly digest: Digest
  readonly kind: PinKind
  /** Who it is, for people: a file, a plan, a reason that the operator gave. */
  readonly owner: string
  readonly since: number
  /** `null`: until it is taken back. */
  readonly expiresAt: number | null
}

export function isExpired({ expiresAt }: Pin, nowMs: number): boolean {
  return expiresAt !== null && expiresAt <= nowMs
}
