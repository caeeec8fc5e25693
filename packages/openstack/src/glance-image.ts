import { Type } from 'typebox'
import { Compile } from 'typebox/compile'

const STATUSES = [
  'queued',
  'saving',
  'uploading',
  'importing',
  'active',
  'deactivated',
  'killed',
  'deleted',
  'pending_delete',
] as const

export type GlanceStatus = (typeof STATUSES)[number]

/** An image's record. Sizes in bytes; what Glance does not know (yet) is null. */
export interface GlanceImage {
  readonly id: string
  readonly name: string | null
  readonly status: GlanceStatus
  readonly visibility: string
  readonly diskFormat: string | null
  readonly containerFormat: string | null
  readonly sizeBytes: number | null
  readonly virtualSizeBytes: number | null
  readonly osHashAlgo: string | null
  readonly osHashValue: string | null
  /** MD5, as Glance has had it from the start. */
  readonly checksum: string | null
  readonly tags: readonly string[]
  readonly owner: string | null
  /** ISO 8601, to the second. */
  readonly createdAt: string
  readonly updatedAt: string
  /** Everything else that is text: what operators and users have set. */
  readonly properties: Readonly<Record<string, string>>
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Whether a text has the form of an image's id. */
export function isImageId(value: string): boolean {
  return UUID.test(value)
}

const text = Type.Optional(Type.Union([Type.String(), Type.Null()]))
const size = Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()]))
const RECORD = {
  id: Type.String({ pattern: UUID.source.replaceAll('0-9a-f', '0-9a-fA-F') }),
  name: text,
  status: Type.Union(STATUSES.map((status) => Type.Literal(status))),
  visibility: Type.Optional(Type.String()),
  disk_format: text,
  container_format: text,
  size,
  virtual_size: size,
  os_hash_algo: text,
  os_hash_value: text,
  checksum: text,
  tags: Type.Optional(Type.Array(Type.String())),
  owner: text,
  created_at: Type.Optional(Type.String()),
  updated_at: Type.Optional(Type.String()),
}
const ImageRecord = Compile(Type.Object(RECORD))
/** Glance's own fields, which are no one's properties. */
const BASE_FIELDS = new Set([...Object.keys(RECORD), 'self', 'file', 'schema', 'direct_url', 'locations'])

/** Reads an image from Glance's JSON; `undefined` when it does not follow the v2 API. */
export function parseImage(json: unknown): GlanceImage | undefined {
  if (!ImageRecord.Check(json)) return undefined
  const properties = Object.entries(json).flatMap(([name, value]): [string, string][] => {
    if (BASE_FIELDS.has(name)) return []
    if (typeof value === 'string') return [[name, value]]
    // Glance has texts alone. A signature of any other type is no signature, but the image must not pass for an unsigned one.
    return name.startsWith('img_signature') && value !== null ? [[name, JSON.stringify(value)]] : []
  })
  return {
    id: json.id,
    name: json.name ?? null,
    status: json.status,
    visibility: json.visibility ?? 'private',
    diskFormat: json.disk_format ?? null,
    containerFormat: json.container_format ?? null,
    sizeBytes: json.size ?? null,
    virtualSizeBytes: json.virtual_size ?? null,
    osHashAlgo: json.os_hash_algo ?? null,
    osHashValue: json.os_hash_value ?? null,
    checksum: json.checksum ?? null,
    tags: json.tags ?? [],
    owner: json.owner ?? null,
    createdAt: json.created_at ?? '',
    updatedAt: json.updated_at ?? '',
    properties: Object.fromEntries(properties),
  }
}
