import { createHash, generateKeyPairSync } from 'node:crypto'
import {
  Bitfield,
  decodeBootBlocks,
  decodeKeyStatement,
  decodeManifest,
  digestFromBytes,
  encodeBootBlocks,
  encodeKeyStatement,
  encodeManifest,
  encodePublicKey,
  isDigest,
  parseDigest,
  parseNodeId,
  publicKeyId,
} from '@shoal/core'
import { type FuzzTarget, isTaken, mustHold } from './fuzz-target.ts'

export { type FuzzTarget, isTaken, mustHold } from './fuzz-target.ts'

const DIGEST = digestFromBytes(createHash('sha256').update('layer').digest())
const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const keyId = publicKeyId(publicKey)
/** A signature costs ten times the parsing, and refuses all that was changed: what is behind it is parsed as if there were none. */
const NO_KEYS: readonly [] = []

const MANIFESTS = (['raw', 'qcow2'] as const).map((format) =>
  encodeManifest(
    {
      ...{ format, kind: 'base', parent: null, digest: DIGEST, sizeBytes: 262_144, virtualSizeBytes: 262_144 },
      ...{ blockLengthBytes: 65_536, pieceLengthBytes: 131_072, createdAt: 1, infoHash: 'ab'.repeat(20) },
      blockHashes: Buffer.alloc(4 * 32, 7),
    },
    privateKey,
  ),
)
const BOOT_BLOCKS = encodeBootBlocks(
  {
    ...{ revision: 2, recordings: 3, createdAt: 1, layers: [{ digest: DIGEST, blockLengthBytes: 65_536, blocks: 64 }] },
    runs: [
      { digest: DIGEST, firstBlock: 0, blocks: 4, score: 1 },
      { digest: DIGEST, firstBlock: 8, blocks: 2, score: 0.5 },
    ],
  },
  privateKey,
)
const SUCCESSOR = encodePublicKey(publicKey)
const KEY_STATEMENTS = [
  encodeKeyStatement({ kind: 'succession', serial: 1, madeAt: 5, until: 9, publicKey: SUCCESSOR }, privateKey),
  encodeKeyStatement({ kind: 'retirement', serial: 0, madeAt: 9, until: 0, publicKey: SUCCESSOR }, privateKey),
]

export const fuzzTargets: readonly FuzzTarget[] = [
  {
    name: 'manifest',
    isSigned: true,
    corpus: MANIFESTS,
    words: ['SHOALMF\0', keyId.toString('latin1')],
    execute: (input) => isTaken(() => decodeManifest(input, NO_KEYS), isUnsigned('SHOAL_MANIFEST_')),
  },
  {
    name: 'boot-blocks',
    isSigned: true,
    corpus: [BOOT_BLOCKS],
    execute: (input) => isTaken(() => decodeBootBlocks(input, NO_KEYS), isUnsigned('SHOAL_')),
  },
  {
    name: 'key-statement',
    isSigned: true,
    corpus: KEY_STATEMENTS,
    words: ['SHOALKS\0'],
    execute: (input) => isTaken(() => decodeKeyStatement(input)),
  },
  {
    name: 'bitfield',
    corpus: [Buffer.from([0xff, 0xff, 0x80]), Buffer.alloc(64, 0xff)],
    execute: (input) => {
      const length = input.length === 0 ? 0 : (input.readUInt8(0) * input.length) % 4096
      const field = new Bitfield(length, input.subarray(0, Math.ceil(length / 8)))
      mustHold(field.count <= length && field.toBytes().length === Math.ceil(length / 8), 'more bits than there are')
      return true
    },
  },
  {
    name: 'names',
    corpus: [Buffer.from(DIGEST), Buffer.from('compute-17.rack_2'), Buffer.from('sha256:')],
    words: ['sha256:', '..', '/', '\0', '%2e'],
    execute: (input) => {
      const text = input.toString('latin1')
      mustHold(isDigest(text) === /^sha256:[0-9a-f]{64}$/.test(text), 'what is a digest')
      const isName = isTaken(() => parseNodeId(text))
      mustHold(!isName || !/[/\\\0]/.test(text), 'a name with a path in it')
      return isTaken(() => parseDigest(text)) || isName
    },
  },
]

/** Without keys everything well-formed ends at its signature: that counts as taken by the parser, a TypeError as a finding. */
function isUnsigned(prefix: string): (error: unknown) => boolean {
  return (error) => error instanceof Error && 'code' in error && String(error.code).startsWith(prefix)
}
