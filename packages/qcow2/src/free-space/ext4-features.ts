import { expect } from './disk-fault.ts'

/**
 * Features without which a file system may not be read (kernel documentation, ext4, "The Super Block",
 * s_feature_incompat).
 */
export const INCOMPATIBLE = {
  fileType: 0x2,
  recover: 0x4,
  journalDevice: 0x8,
  metaGroups: 0x10,
  extents: 0x40,
  wide: 0x80,
  multipleMount: 0x100,
  flexibleGroups: 0x200,
  attributeInodes: 0x400,
  checksumSeed: 0x2000,
  largeDirectories: 0x4000,
  inlineData: 0x8000,
  encryption: 0x10000,
  caseFolding: 0x20000,
} as const

/** Features without which it may not be written (s_feature_ro_compat). */
export const READ_ONLY_COMPATIBLE = {
  sparseSuperblocks: 0x1,
  largeFiles: 0x2,
  directoryTrees: 0x4,
  hugeFiles: 0x8,
  groupChecksums: 0x10,
  directoryLinks: 0x20,
  extraInodeSize: 0x40,
  quota: 0x100,
  clusters: 0x200,
  metadataChecksums: 0x400,
  readOnly: 0x1000,
  projects: 0x2000,
  verity: 0x8000,
  orphansPresent: 0x10000,
} as const

/** Features that need not be known (s_feature_compat); these are of use here. */
export const COMPATIBLE = { journal: 0x4, twoBackups: 0x200 } as const

export type ExtName = 'ext2' | 'ext3' | 'ext4'

/** The feature bits of a superblock. */
export interface Ext4Features {
  readonly compatible: number
  readonly incompatible: number
  readonly readOnlyCompatible: number
}

/** Reads the bits. Throws a `DiskFault` when one may change how space is accounted: an unknown one might. */
export function readFeatures(superblock: Buffer): Ext4Features {
  const [compatible, incompatible, readOnlyCompatible] = [0x5c, 0x60, 0x64].map((at) => superblock.readUInt32LE(at))
  const features = {
    compatible: compatible ?? 0,
    incompatible: incompatible ?? 0,
    readOnlyCompatible: readOnlyCompatible ?? 0,
  }
  const revision = superblock.readUInt32LE(0x4c)
  expect(revision <= 1, `revision ${revision} of ext is not known`)
  const hasNone = Object.values(features).every((bits) => bits === 0)
  expect(revision === 1 || hasNone, 'it has features that its revision has not')
  const unknownIncompatible = features.incompatible & ~allOf(INCOMPATIBLE)
  const unknownReadOnly = features.readOnlyCompatible & ~allOf(READ_ONLY_COMPATIBLE)
  expect(unknownIncompatible === 0 && unknownReadOnly === 0, 'it has a feature that is not known')
  return features
}

/** What people call a file system with these features; the kernel reads all three with one driver. */
export function nameOf({ compatible, incompatible, readOnlyCompatible }: Ext4Features): ExtName {
  const { fileType, recover, metaGroups } = INCOMPATIBLE
  const { sparseSuperblocks, largeFiles, directoryTrees } = READ_ONLY_COMPATIBLE
  const isNew =
    (incompatible & ~(fileType | recover | metaGroups)) !== 0 ||
    (readOnlyCompatible & ~(sparseSuperblocks | largeFiles | directoryTrees)) !== 0
  if (isNew) return 'ext4'
  return (compatible & COMPATIBLE.journal) === 0 ? 'ext2' : 'ext3'
}

function allOf(features: Readonly<Record<string, number>>): number {
  return Object.values(features).reduce((all, bit) => all | bit, 0)
}
