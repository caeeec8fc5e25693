import { type ErrorTable, errorFactory } from '@shoal/core'

/** Error codes of `trust`. */
export const trustErrors = {
  SHOAL_TRUST_MALFORMED: {
    message: 'The certificate chain cannot be used: {reason}.',
    hint: 'See docs/formats/credentials.md for what a certificate of this cluster holds.',
  },
  SHOAL_TRUST_UNKNOWN_AUTHORITY: {
    message: 'The certificate of {subject} comes from no authority that is trusted here.',
    hint: 'Check that both sides belong to one cluster: the same CA file, or a join token of this very seed.',
  },
  SHOAL_TRUST_EXPIRED: {
    message: 'The certificate of {subject} holds from {from} to {to}; it is {now}.',
    hint: 'Check the clocks (chronyc tracking). A node whose certificate is over joins again with a new token (shoal join-token create).',
  },
  SHOAL_TRUST_REVOKED: {
    message: 'The certificate of {subject} was revoked.',
    hint: 'If the node is to come back: shoal join-token create --node NAME, and give it that token.',
  },
  SHOAL_TRUST_NAME: {
    message: 'The certificate names no node or seed of the trust domain {domain}: {reason}.',
    hint: 'It needs exactly one URI among its alternative names, spiffe://DOMAIN/node/NAME or spiffe://DOMAIN/seed/NAME, and the same domain in every configuration.',
  },
  SHOAL_TRUST_PROOF: {
    message: 'The sender does not hold the key of the certificate of {subject}.',
    hint: 'Somebody shows a certificate that is not theirs, or repeats what was said on another connection; look at the address in the log.',
  },
  SHOAL_TRUST_REQUEST: {
    message: 'The certificate request is not valid: {reason}.',
    hint: 'Send a PKCS #10 request in PEM for an EC key on P-256, signed by that key.',
  },
  SHOAL_TRUST_AUTHORITY: {
    message: 'The certificate authority in {directory} cannot be used: {reason}.',
    hint: 'Put its file (ca.pem) back from a backup. Without one, remove it: a new authority is made, and every node joins again.',
  },
  SHOAL_TRUST_CREDENTIAL: {
    message: 'The credential in {path} cannot be used: {reason}.',
    hint: 'Correct the file; a credential that a join made can be removed, and the node joins again with a new token.',
  },
  SHOAL_TRUST_CA_FILE: {
    message: 'The CA file {path} cannot be used: {reason}.',
    hint: 'Give a PEM file with the certificates of the authorities that nodes and seed are to trust.',
  },
  SHOAL_TRUST_FILES: {
    message: 'certificateFile, keyFile and authoritiesFile go together, and only some of them are set.',
    hint: "Set all three to use an operator's authority, or none of them to use the embedded one.",
  },
  SHOAL_TRUST_JOIN_TOKEN: {
    message: 'The join token is not whole: {reason}.',
    hint: 'Copy all of what shoal join-token create printed: four words, joined by dots.',
  },
} as const satisfies ErrorTable

export const trustError = errorFactory(trustErrors)
