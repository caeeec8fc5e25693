import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { link, open, readFile, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { seedError } from './errors.ts'

export interface SigningKey {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}

/**
 * Reads the seed's Ed25519 key (PKCS #8, PEM); makes one, mode 0600, when there is no file. A crash never leaves half a
 * key. Throws `SHOAL_SEED_KEY`.
 */
export async function openSigningKey(path: string): Promise<SigningKey> {
  try {
    const privateKey = createPrivateKey((await read(path)) ?? (await create(path)))
    if (privateKey.asymmetricKeyType !== 'ed25519') throw new Error('it is not an Ed25519 key')
    return { privateKey, publicKey: createPublicKey(privateKey) }
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
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const draft = `${path}.${process.pid}.tmp`
  try {
    {
      await using file = await open(draft, 'w', 0o600)
      await file.writeFile(pem)
      await file.sync()
    }
    // link, unlike rename, never replaces a key that is there.
    await link(draft, path)
  } finally {
    await rm(draft, { force: true })
  }
  await using directory = await open(dirname(path), 'r')
  await directory.sync()
  return pem
}
