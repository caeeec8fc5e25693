import { chmod, lstat, mkdtemp, rename, rm, stat, unlink } from 'node:fs/promises'
import { createConnection, type Server } from 'node:net'
import { dirname, join } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { nbdError } from './errors.ts'

/** What a socket's address holds on Linux, less the NUL at its end: unix(7). */
const MAX_PATH_BYTES = 107

/**
 * Listens on a unix socket, which takes the place of one that nobody listens on any more. It is bound in a directory that nobody else
 * may enter and moved from there, so that it is never open to more than `mode` says. Gives what removes it. Fails with
 * `SHOAL_NBD_SOCKET_IN_USE` or `SHOAL_NBD_LISTEN`.
 */
export async function listenOnUnix(
  server: Server,
  path: string,
  { mode }: { mode: number },
): Promise<() => Promise<void>> {
  await refuseUnlessFree(path)
  let directory: string | undefined
  try {
    directory = await mkdtemp(join(dirname(path), '.nbd-'))
    const bound = join(directory, 's')
    if (Math.max(Buffer.byteLength(path), Buffer.byteLength(bound)) > MAX_PATH_BYTES) {
      throw new Error(`the path is longer than ${MAX_PATH_BYTES} bytes`)
    }
    await listening(server, bound)
    await chmod(bound, mode)
    const { ino } = await stat(bound)
    await rename(bound, path)
    return () => removeIfSame(path, ino)
  } catch (error) {
    server.close()
    throw nbdError('SHOAL_NBD_LISTEN', { address: path, reason: errorMessage(error) }, error)
  } finally {
    if (directory !== undefined) await rm(directory, { recursive: true, force: true })
  }
}

/** Resolves when nothing is at the path, or a socket that nobody listens on. */
async function refuseUnlessFree(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found === undefined) return
  if (!found.isSocket()) throw nbdError('SHOAL_NBD_LISTEN', { address: path, reason: 'it is not a socket' })
  const failure = await new Promise<unknown>((resolve) => {
    const probe = createConnection(path)
    probe.once('connect', () => resolve(undefined))
    probe.once('error', resolve)
    probe.once('close', () => probe.destroy())
    probe.once('connect', () => probe.destroy())
  })
  if (errorCode(failure) === 'ECONNREFUSED' || errorCode(failure) === 'ENOENT') return
  if (errorCode(failure) !== 'EACCES') throw nbdError('SHOAL_NBD_SOCKET_IN_USE', { path }, failure)
  throw nbdError('SHOAL_NBD_LISTEN', { address: path, reason: errorMessage(failure) }, failure)
}

function listening(server: Server, path: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ path }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

/** Another server may have taken the path meanwhile. */
async function removeIfSame(path: string, ino: number): Promise<void> {
  const found = await lstat(path).catch(() => undefined)
  if (found?.ino === ino) await unlink(path).catch(() => {})
}
