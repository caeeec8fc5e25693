import { createHash } from 'node:crypto'
import type { GlanceImage } from '@shoal/openstack'

export const IMAGE_ID = 'c0ffee00-0000-4000-8000-000000000001'

/** An active image of this data. */
export function buildImage(data: Uint8Array, changes: Partial<GlanceImage> = {}): GlanceImage {
  return {
    id: IMAGE_ID,
    name: 'debian',
    status: 'active',
    visibility: 'public',
    diskFormat: 'raw',
    containerFormat: 'bare',
    sizeBytes: data.length,
    virtualSizeBytes: data.length,
    osHashAlgo: 'sha512',
    osHashValue: createHash('sha512').update(data).digest('hex'),
    checksum: createHash('md5').update(data).digest('hex'),
    tags: [],
    owner: null,
    createdAt: '2026-11-20T10:00:00Z',
    updatedAt: '2026-11-20T10:00:00Z',
    properties: {},
    ...changes,
  }
}

/** The same as Glance's JSON has it. */
export function imageJson(image: GlanceImage, extra: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: image.id,
    name: image.name,
    status: image.status,
    visibility: image.visibility,
    disk_format: image.diskFormat,
    container_format: image.containerFormat,
    size: image.sizeBytes,
    virtual_size: image.virtualSizeBytes,
    os_hash_algo: image.osHashAlgo,
    os_hash_value: image.osHashValue,
    checksum: image.checksum,
    tags: image.tags,
    owner: image.owner,
    created_at: image.createdAt,
    updated_at: image.updatedAt,
    ...image.properties,
    ...extra,
  }
}
