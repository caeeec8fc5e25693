import { isDigest, type LayerFormat, type LayerKind, type Manifest } from '@shoal/core'
import { type DescriptionSums, descriptionSums } from './layer-description.ts'
import type { LayerDescription } from './layer-store.ts'

/** What the state store holds of a layer (docs/formats/layer-store.md). */
export interface LayerRecord {
  readonly version: 1
  readonly phase: 'creating' | 'ready' | 'removing'
  readonly inode: string | null
  readonly stagedInode: string | null
  readonly sums: DescriptionSums
  readonly manifest: ManifestFields
}

/** The manifest without its block hashes, which are in a file. */
export type ManifestFields = Omit<Manifest, 'blockHashes'>

/** The record of a layer about to be made. */
export async function newRecord(description: LayerDescription, stagedInode: string | null): Promise<LayerRecord> {
  const { blockHashes: _, ...manifest } = description.manifest
  const sums = await descriptionSums(description)
  return { version: 1, phase: 'creating', inode: null, stagedInode, sums, manifest }
}

/** The record that a stored value is; undefined if it is malformed or of a version not known. */
export function parseRecord(value: unknown): LayerRecord | undefined {
  if (!isObject(value) || value.version !== 1 || !isObject(value.sums) || !isObject(value.manifest)) return undefined
  const { phase, inode, stagedInode, sums, manifest } = value
  const isPhase = phase === 'creating' || phase === 'ready' || phase === 'removing'
  const isInode = (field: unknown) => field === null || (typeof field === 'string' && /^\d+$/.test(field))
  if (!isPhase || !isInode(inode) || !isInode(stagedInode) || !isManifest(manifest)) return undefined
  if (![sums.manifest, sums.hashes, sums.torrent].every((sum) => typeof sum === 'string')) return undefined
  return value as unknown as LayerRecord
}

function isManifest(fields: Record<string, unknown>): boolean {
  const sizes = [fields.sizeBytes, fields.virtualSizeBytes, fields.blockLengthBytes, fields.pieceLengthBytes]
  const formats: readonly LayerFormat[] = ['raw', 'qcow2']
  const kinds: readonly LayerKind[] = ['base', 'middle']
  return (
    isDigest(fields.digest) &&
    (fields.parent === null || isDigest(fields.parent)) &&
    sizes.every((size) => Number.isSafeInteger(size) && Number(size) > 0) &&
    Number.isSafeInteger(fields.createdAt) &&
    typeof fields.infoHash === 'string' &&
    formats.some((format) => format === fields.format) &&
    kinds.some((kind) => kind === fields.kind)
  )
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null
}
