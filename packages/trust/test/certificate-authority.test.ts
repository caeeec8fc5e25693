import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { promisify } from 'node:util'
import { errorCode } from '@shoal/core'
import { readCertificateRequest } from '@shoal/trust'
import { createCertificateRequest } from '../src/certificate-request.ts'
import { HOUR_MS, issueCredential, NOW, newAuthority } from './certificates.ts'
import { temporaryDirectory } from './temporary-directory.ts'

const authority = newAuthority()

describe('the embedded authority', () => {
  test('signs a certificate that names the node, holds as long as asked, and serves clients alone', () => {
    const [certificate] = issueCredential(authority, { lifetimeMs: 5 * HOUR_MS }).certificates
    assert.equal(certificate?.subjectAltName, 'URI:spiffe://shoal/node/n1')
    assert.equal(certificate?.validFromDate.getTime(), NOW)
    assert.equal(certificate?.validToDate.getTime(), NOW + 5 * HOUR_MS)
    assert.deepEqual(certificate?.keyUsage, ['1.3.6.1.5.5.7.3.2'])
    assert.equal(certificate?.ca, false)
    assert.ok(certificate?.verify(authority.certificate.publicKey))
  })

  test('signs a seed certificate for its names and addresses, which may serve', () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const certificate = authority.issue({
      publicKey,
      identity: { role: 'seed', name: 'seed' },
      notBefore: NOW,
      lifetimeMs: HOUR_MS,
      hosts: ['seed.example.org', '127.0.0.1', '2001:db8::1'],
    })
    assert.equal(certificate.checkHost('seed.example.org'), 'seed.example.org')
    assert.equal(certificate.checkIP('127.0.0.1'), '127.0.0.1')
    assert.ok(certificate.subjectAltName?.includes('IP Address:2001:DB8:0:0:0:0:0:1'), certificate.subjectAltName)
    assert.ok(certificate.keyUsage?.includes('1.3.6.1.5.5.7.3.1'))
  })

  test('gives no two certificates one serial number, and none that outlives it', () => {
    const serials = Array.from({ length: 20 }, () => issueCredential(authority).certificates[0]?.serialNumber)
    assert.equal(new Set(serials).size, serials.length)
    const [long] = issueCredential(authority, { lifetimeMs: 100 * 365 * 24 * HOUR_MS }).certificates
    assert.equal(long?.validToDate.getTime(), authority.certificate.validToDate.getTime())
  })

  test('is what OpenSSL takes for one', async (t) => {
    const directory = await temporaryDirectory(t)
    const paths = {
      ca: join(directory, 'ca.pem'),
      node: join(directory, 'node.pem'),
      request: join(directory, 'csr.pem'),
    }
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await writeFile(paths.ca, authority.certificate.toString())
    await writeFile(paths.node, issueCredential(authority).certificates.join(''))
    await writeFile(paths.request, createCertificateRequest(privateKey, 'n1'))
    const openssl = promisify(execFile)
    const at = String(NOW / 1000 + 60)
    const verify = ['verify', '-x509_strict', '-attime', at, '-purpose', 'sslclient', '-CAfile', paths.ca, paths.node]
    assert.match((await openssl('openssl', verify)).stdout, /OK/)
    await openssl('openssl', ['req', '-verify', '-noout', '-in', paths.request])
  })
})

const asPem = (bytes: Buffer) =>
  `-----BEGIN CERTIFICATE REQUEST-----\n${bytes.toString('base64')}\n-----END CERTIFICATE REQUEST-----\n`

describe('a certificate request', () => {
  test('is taken for the key that signed it', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    assert.ok(readCertificateRequest(createCertificateRequest(privateKey, 'whoever')).equals(publicKey))
  })

  test('is refused when it was changed, is of another kind of key, or is none', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const pem = createCertificateRequest(privateKey, 'n1')
    const der = Buffer.from(pem.replaceAll(/-----.*-----/g, ''), 'base64')
    const other = createCertificateRequest(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey, 'n1')
    const wrong = ['', 'x', asPem(Buffer.alloc(0)), asPem(der.subarray(0, -1)), other, `${pem}${' '.repeat(5000)}`]
    for (const each of wrong) assert.throws(() => readCertificateRequest(each), { code: 'SHOAL_TRUST_REQUEST' }, each)
  })

  test('with a changed byte is refused, or still that of the same key', () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const der = Buffer.from(createCertificateRequest(privateKey, 'n1').replaceAll(/-----.*-----/g, ''), 'base64')
    let refused = 0
    for (let at = 0; at < der.length; at += 1) {
      const changed = Buffer.from(der)
      changed[at] = (changed[at] ?? 0) ^ 1
      try {
        assert.ok(readCertificateRequest(asPem(changed)).equals(publicKey), `byte ${at}`)
      } catch (error) {
        assert.equal(errorCode(error), 'SHOAL_TRUST_REQUEST', `byte ${at}`)
        refused += 1
      }
    }
    assert.ok(refused > der.length - 10, `${refused} of ${der.length}`)
  })
})
