import { execFile } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export interface Certificate {
  readonly key: Buffer
  readonly cert: Buffer
}

/** Makes an authority in a directory, with the names that QEMU looks for. */
export async function makeAuthority(directory: string): Promise<Buffer> {
  const [key, cert] = [join(directory, 'ca-key.pem'), join(directory, 'ca-cert.pem')]
  await openssl('req', '-x509', ...newKey(key), '-out', cert, '-subj', '/CN=Shoal test CA', '-days', '2')
  return readFile(cert)
}

/** Makes a certificate of the authority in `directory`: `client-cert.pem` and its key, or `server-cert.pem`. */
export async function makeCertificate(directory: string, kind: 'client' | 'server'): Promise<Certificate> {
  const path = (name: string) => join(directory, name)
  const [key, request, cert] = [path(`${kind}-key.pem`), path(`${kind}.csr`), path(`${kind}-cert.pem`)]
  await openssl('req', ...newKey(key), '-out', request, '-subj', `/CN=${kind}`)
  const extensions = path(`${kind}.ext`)
  await writeFile(extensions, `subjectAltName=IP:127.0.0.1,DNS:localhost\nextendedKeyUsage=${kind}Auth\n`)
  const authority = ['-CA', path('ca-cert.pem'), '-CAkey', path('ca-key.pem'), '-CAcreateserial']
  await openssl('x509', '-req', '-in', request, ...authority, '-days', '2', '-extfile', extensions, '-out', cert)
  return { key: await readFile(key), cert: await readFile(cert) }
}

function newKey(path: string): string[] {
  return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', path]
}

async function openssl(...args: string[]): Promise<void> {
  await run('openssl', args)
}
