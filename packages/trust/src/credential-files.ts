import { createPrivateKey, type X509Certificate } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { errorCode, errorMessage } from '@shoal/core'
import { parsePem, toPem } from './certificate-chain.ts'
import { trustError } from './errors.ts'
import {
  type Credential,
  type CredentialRequest,
  credentialFromPem,
  credentialToPem,
  newCredentialRequest,
} from './node-credential.ts'
import { replacePrivateFile } from './private-file.ts'

const MAX_FILE_CHARS = 256 * 1024

/**
 * Reads a credential from one file that holds key and chain, or from two. `undefined` when the (first) file is not there.
 * Throws `SHOAL_TRUST_CREDENTIAL`.
 */
export async function loadCredential(certificateFile: string, keyFile?: string): Promise<Credential | undefined> {
  try {
    const cert = await readBounded(certificateFile)
    if (cert === undefined) return undefined
    const key = keyFile === undefined ? cert : await readFile(keyFile, 'utf8')
    return credentialFromPem({ key, cert })
  } catch (error) {
    throw trustError('SHOAL_TRUST_CREDENTIAL', { path: certificateFile, reason: errorMessage(error) }, error)
  }
}

/** Keeps key and chain in one file, mode 0600: a crash never leaves one without the other. Throws `SHOAL_TRUST_CREDENTIAL`. */
export async function storeCredential(path: string, credential: Credential): Promise<void> {
  const { key, cert } = credentialToPem(credential)
  try {
    await replacePrivateFile(path, `${key}${cert}`)
  } catch (error) {
    throw trustError('SHOAL_TRUST_CREDENTIAL', { path, reason: errorMessage(error) }, error)
  }
}

/**
 * The key that a node joins with, kept before its token is sent: who is killed before the answer is kept asks again with the same key, for
 * which alone the token is good a second time. A file that is none is replaced. Throws `SHOAL_TRUST_CREDENTIAL`.
 */
export async function openJoinKey(path: string, node: string): Promise<CredentialRequest> {
  try {
    const kept = await readBounded(path)
    if (kept !== undefined) return newCredentialRequest(node, createPrivateKey(kept))
  } catch {
    // Nothing was joined with it yet, or the token will tell.
  }
  const made = newCredentialRequest(node)
  try {
    await replacePrivateFile(path, made.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString())
  } catch (error) {
    throw trustError('SHOAL_TRUST_CREDENTIAL', { path, reason: errorMessage(error) }, error)
  }
  return made
}

/** Keeps the certificates of authorities; a crash never leaves half of them. Throws `SHOAL_TRUST_CA_FILE`. */
export async function storeAuthorities(path: string, authorities: readonly X509Certificate[]): Promise<void> {
  try {
    await replacePrivateFile(path, toPem(authorities))
  } catch (error) {
    throw trustError('SHOAL_TRUST_CA_FILE', { path, reason: errorMessage(error) }, error)
  }
}

/** Certificates of the authorities that a file names; `undefined` when it is not there. Throws `SHOAL_TRUST_CA_FILE`. */
export async function loadAuthorities(path: string): Promise<X509Certificate[] | undefined> {
  try {
    const text = await readBounded(path)
    if (text === undefined) return undefined
    const certificates = parsePem(text)
    if (certificates.some(({ ca }) => !ca)) throw new Error("one of its certificates is no authority's")
    return certificates
  } catch (error) {
    throw trustError('SHOAL_TRUST_CA_FILE', { path, reason: errorMessage(error) }, error)
  }
}

async function readBounded(path: string): Promise<string | undefined> {
  try {
    const text = await readFile(path, 'utf8')
    if (text.length > MAX_FILE_CHARS) throw new Error(`it is longer than ${MAX_FILE_CHARS} characters`)
    return text
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
