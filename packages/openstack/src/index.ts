export type {
  ApplicationCredentialRef,
  AuthMethod,
  AuthScope,
  CloudAuth,
  DomainRef,
  EndpointInterface,
  ProjectRef,
  TlsFiles,
  UserRef,
} from './cloud-auth.ts'
export { openstackErrors } from './errors.ts'
export { createGlanceClient, type GlanceClient, type GlanceClientOptions, openGlance } from './glance-client.ts'
export type { DownloadOptions } from './glance-download.ts'
export { type GlanceImage, type GlanceStatus, isImageId } from './glance-image.ts'
export type { ListOptions } from './glance-list.ts'
export {
  createGlanceUploader,
  type GlanceUploader,
  type NewImage,
  openGlanceUploader,
  type UploadOptions,
} from './glance-uploader.ts'
export type { HttpTimeouts } from './http-client.ts'
export { createImageHash, type ImageHash } from './image-hash.ts'
export { type IssueTokenOptions, issueToken, type UserCredentials } from './issue-token.ts'
export { createKeyManager, type KeyManager, type KeyManagerOptions } from './key-manager.ts'
export { createKeystoneSession, type KeystoneSessionDeps, type KeystoneSessionOptions } from './keystone-session.ts'
export { type MiddleClaim, type MiddleProperties, middleProperties, readMiddleClaim } from './middle-properties.ts'
export { createNoAuthSession } from './no-auth-session.ts'
export { type ReadCloudAuthOptions, readCloudAuth } from './read-cloud-auth.ts'
export { Secret } from './secret.ts'
export type { EndpointQuery, Session } from './session.ts'
export {
  MAX_SIGNATURE_CHARS,
  readSignatureClaim,
  SIGNATURE_KEY_TYPES,
  SIGNATURE_PROPERTIES,
  type SignatureClaim,
  type SignatureHashMethod,
  type SignatureKeyType,
  type SignatureProperties,
  signatureFingerprint,
} from './signature-properties.ts'
export { type CloudIdentity, TokenCheck, type TokenCheckOptions } from './token-check.ts'
