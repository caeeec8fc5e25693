export { openAuthority } from './authority-files.ts'
export { authorityFingerprint, CertificateAuthority, type IssueOptions } from './certificate-authority.ts'
export { decodeChain, encodeChain, parsePem, toPem } from './certificate-chain.ts'
export { type CertificateExtensions, readExtensions } from './certificate-extensions.ts'
export { MAX_REQUEST_CHARS, readCertificateRequest } from './certificate-request.ts'
export { type ChainVerification, type VerifiedCertificate, verifyChain } from './chain-verifier.ts'
export { ClusterTrust, type ClusterTrustOptions } from './cluster-trust.ts'
export { loadAuthorities, loadCredential, openJoinKey, storeAuthorities, storeCredential } from './credential-files.ts'
export { trustErrors } from './errors.ts'
export { DEFAULT_TRUST_DOMAIN, type Identity, identityUri, parseIdentityUri, TRUST_DOMAIN } from './identity.ts'
export {
  formatJoinToken,
  hashJoinSecret,
  isJoinSecret,
  type JoinToken,
  newJoinToken,
  parseJoinToken,
} from './join-token.ts'
export {
  type Credential,
  type CredentialRequest,
  chainOf,
  createCredential,
  credentialToPem,
  newCredentialRequest,
  type PemCredential,
} from './node-credential.ts'
export { type OperatorFilePaths, OperatorFiles } from './operator-files.ts'
export { isTranscriptSigned } from './possession.ts'
export { NO_REVOCATIONS, type NodeRevocation, type RevocationList, Revocations } from './revocations.ts'
