import { X509Certificate } from 'node:crypto'
import { open } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode, errorMessage } from '@shoal/core'
import type { KeyManager } from '@shoal/openstack'
import { seedError } from '../errors.ts'

/** Where the certificates of who signed images come from, by their ids. */
export interface CertificateSource {
  /** `undefined` when there is none of that id. Throws `SHOAL_SIGNATURE_*` and the key manager's errors. */
  certificate(id: string, options: { signal: AbortSignal }): Promise<X509Certificate | undefined>
}

/** Of a certificate file. */
const MAX_CERTIFICATE_BYTES = 64 * 1024

/** Certificates of a key manager; without one every question ends in `SHOAL_SIGNATURE_NO_KEY_MANAGER`. */
export function keyManagerCertificates(keyManager: KeyManager | undefined): CertificateSource {
  return {
    async certificate(id, { signal }) {
      if (keyManager === undefined) throw noKeyManager('the library has no Keystone')
      const encoded = await keyManager.certificate(id, { signal }).catch((error: unknown) => {
        throw errorCode(error) === 'SHOAL_KEYSTONE_CATALOGUE' ? noKeyManager(errorMessage(error), error) : error
      })
      return encoded && parse(id, encoded)
    },
  }
}

/** Certificates in files `<id>.pem` of a directory that is the operator's. */
export function directoryCertificates(directory: string): CertificateSource {
  return {
    async certificate(id, { signal }) {
      signal.throwIfAborted()
      const encoded = await readBounded(join(directory, `${id}.pem`))
      return encoded && parse(id, encoded)
    },
  }
}

async function readBounded(path: string): Promise<Buffer | undefined> {
  try {
    await using file = await open(path, 'r')
    const buffer = Buffer.alloc(MAX_CERTIFICATE_BYTES)
    const { bytesRead } = await file.read(buffer, 0, buffer.length, 0)
    return buffer.subarray(0, bytesRead)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw seedError('SHOAL_SIGNATURE_DIRECTORY', { path, reason: errorMessage(error) }, error)
  }
}

/** Reads PEM or DER; the first certificate counts. */
function parse(id: string, encoded: Buffer): X509Certificate {
  try {
    return new X509Certificate(encoded)
  } catch (error) {
    throw seedError('SHOAL_SIGNATURE_CERTIFICATE', { certificate: id, reason: 'it is no X.509 certificate' }, error)
  }
}

function noKeyManager(reason: string, cause?: unknown) {
  return seedError('SHOAL_SIGNATURE_NO_KEY_MANAGER', { reason: reason.replace(/\.$/, '') }, cause)
}
