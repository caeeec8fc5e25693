import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { errorMessage } from '@shoal/core'
import { storeError } from './errors.ts'

/** A part of a file. */
export interface ByteRange {
  readonly position: number
  readonly length: number
}

/**
 * Punches what it reads, a line each, into its file 3, and says so. When the service is killed it reads no more: what
 * still comes then is one hole at most, and the lock says how long. That is on an open file of its own, which the service
 * does not share: it ends with the program and what that has started.
 */
const PROGRAM = `exec 4<>/proc/self/fd/3
flock 4 || exit
while read -r position length; do
  fallocate --punch-hole --offset "$position" --length "$length" /proc/self/fd/3 || exit
  echo
done`
const MAX_SAID_CHARS = 500

/**
 * Frees the space of parts of an open file, which are zeros then, in place (fallocate(2), FALLOC_FL_PUNCH_HOLE). Node
 * has no such call: the shell and util-linux do it, which every Debian has. Waits until nobody does so any more for a
 * process that was killed. Throws `SHOAL_STORE_NO_HOLES` where the file system, or the system, cannot.
 */
export async function punchHoles(file: { fd: number; path: string }, holes: readonly ByteRange[]): Promise<void> {
  const env = { ...process.env, LC_ALL: 'C' }
  const child = spawn('sh', ['-c', PROGRAM], { stdio: ['pipe', 'pipe', 'pipe', file.fd], env })
  const ended = once(child, 'close')
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, MAX_SAID_CHARS)
  })
  // What it says of a pipe that is gone is said by how it ends.
  child.stdin?.on('error', () => {})
  let at = 0
  const next = () => {
    const hole = holes[at]
    at += 1
    if (hole === undefined) child.stdin?.end()
    else child.stdin?.write(`${hole.position} ${hole.length}\n`)
  }
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', next)
  next()
  const code = await ended.then(
    ([code]: unknown[]) => code,
    (error: unknown) => {
      said = errorMessage(error)
    },
  )
  if (code !== 0) throw storeError('SHOAL_STORE_NO_HOLES', { path: file.path, reason: said.trim() || 'it was ended' })
}
