import { type FuzzTarget, isTaken, mustHold } from '@shoal/core/fuzz'
import { readCertificateRequest } from '../src/certificate-request.ts'
import { parseJoinToken } from '../src/join-token.ts'

/** One that was made once: inputs are to be the same in every run. */
const REQUEST = Buffer.from(
  `MIHIMG8CAQAwDTELMAkGA1UEAwwCbjEwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAATGx9HonhqbEFQe2ppdEMkoL2qS8pYvGcJijgZdHwgvyjWux6T4g6Yyy41c7DxS
kR/8B1kMOe/Lp+AlGM5DCeAioAAwCgYIKoZIzj0EAwIDSQAwRgIhAO2ij3KwH+/U87gwg5HAajSN95I0B2rX9uEu1Yl+xmuTAiEAzRs4m39dUf5dqJl4+KALHEMBEyxg
2kMIecCet3usQ/U=`,
  'base64',
)
const TOKEN = `shoal-join.${'0123456789abcdef'}.${'A'.repeat(43)}.${'b'.repeat(43)}`
const [HEAD, FOOT] = ['-----BEGIN CERTIFICATE REQUEST-----\n', '\n-----END CERTIFICATE REQUEST-----\n']

function pem(der: Uint8Array): string {
  return HEAD + Buffer.from(der).toString('base64') + FOOT
}

/** What a seed reads of whoever wants to join, before anybody is known. */
export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'certificate-request',
    corpus: [REQUEST],
    words: ['\x30\x80', '\x30\x84\xff\xff\xff\xff', '\x02\x01\x00', '\x06\x00', '\xa0\x00', '\x03\x00', '\x05\x00'],
    isSigned: true,
    execute: (input) =>
      isTaken(() => {
        const key = readCertificateRequest(pem(input))
        mustHold(key.type === 'public' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1', 'another kind of key')
      }),
  },
  {
    name: 'certificate-request-text',
    corpus: [Buffer.from(pem(REQUEST))],
    words: [HEAD, FOOT, '=', '\r\n', '-----'],
    execute: (input) => isTaken(() => readCertificateRequest(input.toString())),
  },
  {
    name: 'join-token',
    corpus: [Buffer.from(TOKEN)],
    words: ['shoal-join.', '.', ' ', '\n', '\0'],
    execute: (input) =>
      isTaken(() => {
        const { id, secret, authority } = parseJoinToken(input.toString())
        const isWhole = id.length === 16 && secret.length === 43 && authority.length === 43
        mustHold(isWhole, 'parts that are longer or shorter')
      }),
  },
]
