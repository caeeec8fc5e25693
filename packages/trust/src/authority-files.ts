import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import { CertificateAuthority } from './certificate-authority.ts'
import { loadCredential } from './credential-files.ts'
import { trustError } from './errors.ts'
import { credentialToPem } from './node-credential.ts'
import { createPrivateFile } from './private-file.ts'

/** Key and certificate of the embedded authority, in one file. */
const AUTHORITY_FILE = 'ca.pem'

/**
 * Opens the embedded authority of a directory (mode 0700); makes both when they are not there. Throws `SHOAL_TRUST_AUTHORITY`,
 * also when the certificate is over.
 */
export async function openAuthority(
  directory: string,
  options: { domain: string; now: number },
): Promise<CertificateAuthority> {
  const path = join(directory, AUTHORITY_FILE)
  const unusable = (reason: string, cause?: unknown) =>
    trustError('SHOAL_TRUST_AUTHORITY', { directory, reason }, cause)
  const load = async () => {
    const stored = await loadCredential(path)
    const [certificate] = stored?.certificates ?? []
    return stored && certificate && new CertificateAuthority({ certificate, privateKey: stored.privateKey }, options)
  }
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    const authority = (await load()) ?? (await create(path, options)) ?? (await load())
    if (authority === undefined) throw new Error('it went away meanwhile')
    const { certificate } = authority
    if (!certificate.ca) throw new Error("its certificate is no authority's")
    if (certificate.validToDate.getTime() < options.now) throw new Error(`it was valid until ${certificate.validTo}`)
    return authority
  } catch (error) {
    throw unusable(errorMessage(error), error)
  }
}

/** `undefined` when another process made one at the same time: that one holds. */
async function create(
  path: string,
  options: { domain: string; now: number },
): Promise<CertificateAuthority | undefined> {
  const authority = CertificateAuthority.create(options)
  const { key, cert } = credentialToPem({ privateKey: authority.privateKey, certificates: [authority.certificate] })
  try {
    await createPrivateFile(path, `${key}${cert}`)
    return authority
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return undefined
    throw error
  }
}
