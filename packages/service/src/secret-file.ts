import { randomBytes } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { serviceError } from './errors.ts'

const SECRET_BYTES = 32
/** Shorter than this is a file that was cut or a password that can be guessed. */
const MIN_LENGTH = 16
const MAX_LENGTH = 1000

/**
 * Reads a secret from its file; makes one (32 random bytes, base64url, mode 0600) when there is no file. Two processes that start at
 * once get the same secret, and a crash never leaves half a file. Throws `SHOAL_SECRET_FILE`.
 */
export async function readOrCreateSecret(path: string): Promise<string> {
  try {
    return (await read(path)) ?? (await create(path))
  } catch (error) {
    throw serviceError('SHOAL_SECRET_FILE', { path, reason: errorMessage(error) }, error)
  }
}

async function read(path: string): Promise<string | undefined> {
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  if (text.length < MIN_LENGTH || text.length > MAX_LENGTH || /\s/.test(text)) {
    throw new Error(`it does not hold one word of ${MIN_LENGTH} to ${MAX_LENGTH} characters`)
  }
  return text
}

async function create(path: string): Promise<string> {
  const secret = randomBytes(SECRET_BYTES).toString('base64url')
  const draft = `${path}.${randomBytes(6).toString('hex')}.tmp`
  try {
    await write(draft, `${secret}\n`)
    // link, unlike rename, does not replace what another process made meanwhile.
    await link(draft, path)
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    const other = await read(path)
    if (other === undefined) throw error
    return other
  } finally {
    await rm(draft, { force: true })
  }
  await syncDirectory(dirname(path))
  return secret
}

async function write(path: string, text: string): Promise<void> {
  await using file = await open(path, 'wx', 0o600)
  await file.writeFile(text)
  await file.sync()
}

async function syncDirectory(path: string): Promise<void> {
  await using directory = await open(path, 'r')
  await directory.sync()
}
