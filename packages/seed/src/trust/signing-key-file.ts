import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { link, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { seedError } from '../errors.ts'

/** The seed's Ed25519 key, and the statements by which it follows from the first one (docs/formats/key-statement.md). */
export interface SigningKeyFile {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  /** In the order in which they were made. */
  readonly statements: readonly Uint8Array[]
}

const LABEL = 'SHOAL KEY STATEMENT'
const STATEMENT = /-----BEGIN SHOAL KEY STATEMENT-----\s+([A-Za-z0-9+/=\s]+?)-----END SHOAL KEY STATEMENT-----/g

/** Reads the file; makes one with a first key, mode 0600, when there is none. Throws `SHOAL_SEED_KEY`. */
export async function openSigningKeyFile(path: string): Promise<SigningKeyFile> {
  try {
    const text = (await read(path)) ?? (await create(path))
    const privateKey = createPrivateKey(text)
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('it is not an Ed25519 key')
    const statements = [...text.matchAll(STATEMENT)].map(([, body = '']) => Buffer.from(body, 'base64'))
    return { privateKey, publicKey: createPublicKey(privateKey), statements }
  } catch (error) {
    throw seedError('SHOAL_SEED_KEY', { path, reason: errorMessage(error) }, error)
  }
}

/** Replaces the file as a whole: whatever ends the process, it is the one before or the new one. Throws `SHOAL_SEED_KEY`. */
export async function replaceSigningKeyFile(
  path: string,
  { privateKey, statements }: Omit<SigningKeyFile, 'publicKey'>,
): Promise<void> {
  try {
    await writeBeside(path, [pemOf(privateKey), ...statements.map(pemOfStatement)].join(''), (draft) =>
      rename(draft, path),
    )
  } catch (error) {
    throw seedError('SHOAL_SEED_KEY', { path, reason: errorMessage(error) }, error)
  }
}

async function read(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function create(path: string): Promise<string> {
  const pem = pemOf(generateKeyPairSync('ed25519').privateKey)
  // link, unlike rename, never replaces a key that is there.
  await writeBeside(path, pem, (draft) => link(draft, path))
  return pem
}

async function writeBeside(path: string, text: string, moveIn: (draft: string) => Promise<void>): Promise<void> {
  const draft = `${path}.${process.pid}.tmp`
  try {
    {
      await using file = await open(draft, 'w', 0o600)
      await file.writeFile(text)
      await file.sync()
    }
    await moveIn(draft)
  } finally {
    await rm(draft, { force: true })
  }
  await using directory = await open(dirname(path), 'r')
  await directory.sync()
}

function pemOf(privateKey: KeyObject): string {
  return privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
}

function pemOfStatement(statement: Uint8Array): string {
  const lines =
    Buffer.from(statement)
      .toString('base64')
      .match(/.{1,64}/g) ?? []
  return `-----BEGIN ${LABEL}-----\n${lines.join('\n')}\n-----END ${LABEL}-----\n`
}
