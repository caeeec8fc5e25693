import type { LibraryImage } from './image-catalogue.ts'

/** An image as `GET /v2/images/{id}` shows it: Glance's attributes, and the properties beside them. */
export type ImageView = Record<string, unknown> & {
  id: string
  name: string
  status: string
  visibility: string
  tags: string[]
  size: number | null
  created_at: string
  updated_at: string
}

/** What Glance would answer for an image file. One that holds no data yet has no size and no hashes. */
export function imageView(image: LibraryImage): ImageView {
  const { sidecar } = image
  const status = sidecar.status ?? 'active'
  const hasData = hasImageData(image)
  return {
    ...sidecar.properties,
    id: image.id,
    name: sidecar.name ?? image.fileName.replace(/\.[^.]+$/, ''),
    status,
    visibility: sidecar.visibility ?? 'public',
    disk_format: image.diskFormat,
    container_format: sidecar.container_format ?? 'bare',
    size: hasData ? image.identity.sizeBytes : null,
    virtual_size: hasData ? image.virtualSizeBytes : null,
    checksum: hasData ? image.md5 : null,
    os_hash_algo: hasData ? 'sha512' : null,
    os_hash_value: hasData ? image.sha512 : null,
    min_disk: sidecar.min_disk ?? 0,
    min_ram: sidecar.min_ram ?? 0,
    owner: sidecar.owner ?? null,
    protected: sidecar.protected ?? false,
    os_hidden: sidecar.os_hidden ?? false,
    tags: sidecar.tags ?? [],
    created_at: image.createdAt,
    updated_at: image.updatedAt,
    self: `/v2/images/${image.id}`,
    file: `/v2/images/${image.id}/file`,
    schema: '/v2/schemas/image',
  }
}

/** Whether the image's status is one in which Glance holds its bytes. */
export function hasImageData(image: LibraryImage): boolean {
  const status = image.sidecar.status ?? 'active'
  return status === 'active' || status === 'deactivated'
}
