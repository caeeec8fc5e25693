export { type BackingReference, withBacking } from './backing-header.ts'
export {
  BOOT_PROFILE_LIMITS,
  type BootProfile,
  type BootRead,
  readBootProfile,
  writeBootProfile,
} from './boot-profile.ts'
export { bootProfileErrors } from './boot-profile-errors.ts'
export { Chain, type FoundExtent } from './chain.ts'
export { composeOver } from './compose-over.ts'
export { type ComposeOptions, composeRaw } from './compose-raw.ts'
export type { DiskImage, ExtentRead, GuestDisk, ImageExtent } from './disk-image.ts'
export { qcow2Errors } from './errors.ts'
export type { Extent } from './extent.ts'
export { type DifferenceOptions, firstDifference } from './first-difference.ts'
export { type FreeSpace, findFreeSpace, type PartitionSpace } from './free-space/free-space.ts'
export { guestDigest } from './guest-digest.ts'
export type { GuestRange } from './guest-range.ts'
export { type Compression, MAX_HEADER_BYTES, type Qcow2Header, readHeader } from './header.ts'
export { hotClusters } from './hot-clusters.ts'
export { findForeignHead, findForeignTail, TAIL_BYTES } from './inspect/foreign-format.ts'
export type { LayerContent, LayerTally } from './layer-clusters.ts'
export { LAYER_FORMAT } from './layer-format.ts'
export { Qcow2Image } from './qcow2-image.ts'
export { type ClusterContent, type Qcow2Format, Qcow2Writer } from './qcow2-writer.ts'
export type { RandomAccess, RandomWrite } from './random-access.ts'
export { RawImage } from './raw-image.ts'
export { Sketch } from './sketch.ts'
export { type WrittenLayer, writeLayer } from './write-layer.ts'
