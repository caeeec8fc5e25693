import { type ErrorTable, errorFactory } from './error.ts'

/** Error codes of `core`. */
export const coreErrors = {
  SHOAL_BOOT_BLOCKS_INVALID: {
    message: 'The boot blocks are not valid: {reason}.',
    hint: 'They are done without. If it happens again, update the seed and the peers to one version of Shoal.',
  },
  SHOAL_BOOT_BLOCKS_SIGNATURE: {
    message: 'The boot blocks are not signed by a trusted key (key id {keyId}).',
    hint: 'Compare the keys that the node trusts (its /v1/status) with those of the seed (shoal key list). If no statement leads from one to the other, set seed.publicKey of the node to the current key.',
  },
  SHOAL_DIGEST_INVALID: {
    message: '"{value}" is not a layer digest.',
    hint: 'Give a digest as sha256: followed by 64 lower-case hexadecimal digits.',
  },
  SHOAL_KEY_STATEMENT_INVALID: {
    message: 'The statement about signing keys is not valid: {reason}.',
    hint: 'It is passed over. If it happens again, update the seed and the peers to one version of Shoal.',
  },
  SHOAL_MANIFEST_INVALID: {
    message: 'The manifest is not valid: {reason}.',
    hint: 'Fetch the manifest again from the seed; if it stays invalid, import the image again.',
  },
  SHOAL_MANIFEST_SIGNATURE: {
    message: 'The manifest of {digest} is not signed by a trusted key (key id {keyId}).',
    hint: 'Compare the keys that the node trusts (its /v1/status) with those of the seed (shoal key list). If no statement leads from one to the other, set seed.publicKey of the node to the current key.',
  },
  SHOAL_NODE_ID_INVALID: {
    message: '"{value}" is not a node name.',
    hint: 'Use 1 to 253 lower-case letters, digits, dots and hyphens, starting with a letter or digit.',
  },
} as const satisfies ErrorTable

export const coreError = errorFactory(coreErrors)
