const NULLABLE_TEXT = { type: ['null', 'string'] }
const TEXT = { type: 'string' }
const WHOLE = { type: 'integer' }
const NULLABLE_WHOLE = { type: ['null', 'integer'] }

/** `GET /v2/schemas/image`: what glanceclient builds its model from. */
export const imageSchema = {
  name: 'image',
  properties: {
    id: TEXT,
    name: NULLABLE_TEXT,
    status: TEXT,
    visibility: TEXT,
    disk_format: NULLABLE_TEXT,
    container_format: NULLABLE_TEXT,
    size: NULLABLE_WHOLE,
    virtual_size: NULLABLE_WHOLE,
    checksum: NULLABLE_TEXT,
    os_hash_algo: NULLABLE_TEXT,
    os_hash_value: NULLABLE_TEXT,
    min_disk: WHOLE,
    min_ram: WHOLE,
    owner: NULLABLE_TEXT,
    protected: { type: 'boolean' },
    os_hidden: { type: 'boolean' },
    tags: { type: 'array', items: TEXT },
    created_at: TEXT,
    updated_at: TEXT,
    self: TEXT,
    file: TEXT,
    schema: TEXT,
  },
  additionalProperties: TEXT,
  links: [
    { rel: 'self', href: '{self}' },
    { rel: 'enclosure', href: '{file}' },
    { rel: 'describedby', href: '{schema}' },
  ],
}

/** `GET /v2/schemas/images`. */
export const imagesSchema = {
  name: 'images',
  properties: { images: { type: 'array', items: imageSchema }, first: TEXT, next: TEXT, schema: TEXT },
  links: [
    { rel: 'first', href: '{first}' },
    { rel: 'next', href: '{next}' },
    { rel: 'describedby', href: '{schema}' },
  ],
}

/** `GET /` and `GET /versions`: the versions that a client may speak. */
export function versionsDocument(endpoint: string) {
  const links = [{ rel: 'self', href: `${endpoint}/v2/` }]
  return {
    versions: [
      { id: 'v2.15', status: 'CURRENT', links },
      { id: 'v2.0', status: 'SUPPORTED', links },
    ],
  }
}
