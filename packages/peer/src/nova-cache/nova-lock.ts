import { chmod, chown, link, open, rm, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { pathToFileURL } from 'node:url'
import { errorCode, errorMessage } from '@shoal/core'
import { fileIdentity } from '../compose/disk-file.ts'
import { novaCacheError } from './errors.ts'

/** Who is to own what Nova uses too; absent: whoever this process is, and the group that the directory gives. */
export interface FileOwner {
  readonly uid?: number | undefined
  readonly gid?: number | undefined
}

/** A lock that Nova respects, and that ends with this process if not before. */
export interface NovaLock extends Disposable {
  /** Ends it; again does nothing. */
  release(): void
}

/** Nova opens it to write, whoever made it: its group may, and the group is Nova's. */
const LOCK_MODE = 0o664
const SQLITE_BUSY = 5
const SQLITE_CANNOT_OPEN = 14

/**
 * Takes the lock on a file that Nova takes with `fcntl.lockf` (oslo.concurrency); `undefined` when somebody has it. Node has no such lock,
 * but SQLite does: BEGIN EXCLUSIVE locks bytes at 2^30 of its file, as its format says, and Nova's lock is on all bytes. The file is empty
 * before and after (docs/adr/0027). Throws `SHOAL_NOVA_PERMISSION` and `SHOAL_NOVA_LOCK`.
 */
export async function tryNovaLock(path: string, owner: FileOwner): Promise<NovaLock | undefined> {
  await makeLockFile(path, owner)
  const before = await identityOf(path)
  // Nova removes lock files. One that SQLite made anew might be closed to Nova.
  const url = pathToFileURL(path)
  url.searchParams.set('mode', 'rw')
  const database = new DatabaseSync(url, { timeout: 0 })
  try {
    // No journal is to lie beside Nova's locks.
    database.exec('PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE')
    // A file that may only be read is opened so, and then nothing is locked: this fails there. It is never committed, and so never written.
    database.exec('PRAGMA user_version = 1')
    // A lock on a file that has lost its name locks nobody out.
    if (before !== undefined && (await identityOf(path)) === before) return heldLock(database)
    database.close()
    return undefined
  } catch (error) {
    database.close()
    const code = error instanceof Error && 'errcode' in error ? error.errcode : undefined
    if (code === SQLITE_BUSY || code === SQLITE_CANNOT_OPEN) return undefined
    throw novaCacheError('SHOAL_NOVA_LOCK', { path, reason: errorMessage(error) }, error)
  }
}

function heldLock(database: DatabaseSync): NovaLock {
  const release = () => {
    if (database.isOpen) database.close()
  }
  return { release, [Symbol.dispose]: release }
}

/** Makes the file all at once, with owner and mode: one that Nova cannot open would keep machines from starting. */
async function makeLockFile(path: string, { uid, gid }: FileOwner): Promise<void> {
  if ((await identityOf(path)) !== undefined) return
  const temporary = `${path}.shoal-${process.pid}`
  try {
    await using file = await open(temporary, 'wx', LOCK_MODE)
    await file.chmod(LOCK_MODE)
    if (uid !== undefined || gid !== undefined) await file.chown(uid ?? -1, gid ?? -1)
    const [made, directory] = await Promise.all([file.stat(), stat(dirname(path))])
    if (made.uid !== directory.uid && made.gid !== directory.gid) {
      throw new Error(
        `it would belong to ${made.uid}:${made.gid}, and its directory to ${directory.uid}:${directory.gid}`,
      )
    }
    await link(temporary, path)
  } catch (error) {
    // Nova was faster, or a temporary file was left: the next attempt finds it gone.
    if (errorCode(error) === 'EEXIST') return
    throw novaCacheError('SHOAL_NOVA_PERMISSION', { path, reason: errorMessage(error) }, error)
  } finally {
    await rm(temporary, { force: true })
  }
}

async function identityOf(path: string): Promise<string | undefined> {
  try {
    return fileIdentity(await stat(path, { bigint: true }))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw novaCacheError('SHOAL_NOVA_PERMISSION', { path, reason: errorMessage(error) }, error)
  }
}

/** Gives a file that was just made its mode, and its owner where one is configured. Throws `SHOAL_NOVA_PERMISSION`. */
export async function handOver(path: string, mode: number, { uid, gid }: FileOwner): Promise<void> {
  try {
    await chmod(path, mode)
    if (uid !== undefined || gid !== undefined) await chown(path, uid ?? -1, gid ?? -1)
  } catch (error) {
    throw novaCacheError('SHOAL_NOVA_PERMISSION', { path, reason: errorMessage(error) }, error)
  }
}
