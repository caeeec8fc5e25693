import type { BigIntStats } from 'node:fs'

/** What tells, without reading it, that a file is still the one that was hashed. */
export interface FileIdentity {
  readonly sizeBytes: number
  /** Nanoseconds since the epoch as decimal text, since JSON numbers cannot hold them. */
  readonly mtimeNs: string
  readonly inode: string
}

export function fileIdentity(stats: BigIntStats): FileIdentity {
  return { sizeBytes: Number(stats.size), mtimeNs: String(stats.mtimeNs), inode: String(stats.ino) }
}

export function sameFile(a: FileIdentity, b: FileIdentity): boolean {
  return a.sizeBytes === b.sizeBytes && a.mtimeNs === b.mtimeNs && a.inode === b.inode
}
