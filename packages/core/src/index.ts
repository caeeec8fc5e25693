export { Bitfield } from './bitfield.ts'
export { BLOCK_HEADROOM_BYTES, BlockBuffer, MAX_BLOCK_BYTES } from './block-buffer.ts'
export { BlockBuffers } from './block-buffers.ts'
export {
  BOOT_BLOCKS_LIMITS,
  type BootBlocks,
  type BootLayer,
  type BootRun,
  decodeBootBlocks,
  encodeBootBlocks,
  MAX_BOOT_BLOCKS_BYTES,
} from './boot-blocks.ts'
export { boundConnections, type ConnectionLimits } from './bound-connections.ts'
export { type Clock, steadyClock, systemClock } from './clock.ts'
export { type Digest, digestBytes, digestFromBytes, digestHex, isDigest, parseDigest } from './digest.ts'
export { LayerLimit } from './down-lanes.ts'
export {
  type ErrorDetails,
  type ErrorEntry,
  type ErrorTable,
  errorCode,
  errorFactory,
  errorMessage,
  ShoalError,
} from './error.ts'
export { coreErrors } from './errors.ts'
export {
  blockCount,
  blockSize,
  blocksOfPiece,
  chooseGeometry,
  type Geometry,
  pieceCount,
  pieceSize,
} from './geometry.ts'
export {
  decodeKeyStatement,
  encodeKeyStatement,
  type KeyStatement,
  MAX_KEY_OVERLAP_MS,
  type SignedKeyStatement,
} from './key-statement.ts'
export { type Logger, silentLogger } from './logger.ts'
export { isLoopbackHost } from './loopback-host.ts'
export {
  blockHash,
  decodeManifest,
  decodePublicKey,
  encodeManifest,
  encodePublicKey,
  type LayerFormat,
  type LayerKind,
  MANIFEST_LIMITS,
  MANIFEST_TRAILER_BYTES,
  type Manifest,
  manifestTrailer,
  publicKeyId,
} from './manifest.ts'
export { ManualClock } from './manual-clock.ts'
export { parseNodeId } from './node-id.ts'
export { plainAddress } from './plain-address.ts'
export { RateMeter } from './rate-meter.ts'
export { seededRandom } from './seeded-random.ts'
export { SetDigest } from './set-digest.ts'
export { type SourceRateLimits, SourceRates } from './source-rates.ts'
export { TokenBucket, type TokenBucketOptions } from './token-bucket.ts'
export {
  MIN_TRANSFER_BYTES_PER_SECOND,
  NO_TRANSFER_LIMITS,
  type TakeDownOptions,
  type TakeUpOptions,
  TransferLimits,
  type TransferPlace,
  type TransferRates,
} from './transfer-limits.ts'
