import type { NovaBase } from '@shoal/api'
import type { Digest, ShoalError } from '@shoal/core'
import { errorBody } from '../error-body.ts'
import { baseName } from './base-directory.ts'
import type { BaseRecord } from './base-records.ts'

const MAX_USERS = 100
const MAX_USER_CHARS = 200

/** What is known of one image's base file. */
export interface BaseEntry {
  readonly image: string
  /** Of the file. */
  readonly name: string
  state: NovaBase['state']
  /** Layers that show its disk; empty when it is not wanted. */
  tops: readonly Digest[]
  /** Of the file, when it is ours. */
  record: BaseRecord | undefined
  users: readonly string[]
  doneBytes: number
  totalBytes: number
  error: ShoalError | undefined
  failures: number
  /** When the next attempt is due (milliseconds since the epoch). */
  retryAt: number
  /** Ends the hold on its layers while machines use it. */
  release: (() => void) | undefined
}

export function newEntry(image: string): BaseEntry {
  const progress = { doneBytes: 0, totalBytes: 0, failures: 0, retryAt: 0 }
  const nothing = { record: undefined, error: undefined, release: undefined }
  return { image, name: baseName(image), state: 'waiting', tops: [], users: [], ...progress, ...nothing }
}

/** What the API shows of it. */
export function viewOf(entry: BaseEntry, { path, format }: { path: string; format: 'raw' | 'qcow2' }): NovaBase {
  const { image, state, users, error, record } = entry
  return {
    ...{ image, path, state },
    doneBytes: record?.virtualSizeBytes ?? entry.doneBytes,
    totalBytes: record?.virtualSizeBytes ?? entry.totalBytes,
    format: record?.format ?? format,
    layers: [...(record?.layers ?? [])],
    users: users.slice(0, MAX_USERS).map((user) => user.slice(0, MAX_USER_CHARS)),
    placedAt: record?.placedAt ?? null,
    error: error === undefined ? null : errorBody(error),
  }
}
