import { open } from 'node:fs/promises'
import { errorCode, errorMessage } from '@shoal/core'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { libraryError } from './errors.ts'

const MAX_SIDECAR_BYTES = 64 * 1024
const Text = Type.String({ maxLength: 255 })

/** The optional description beside an image file, in Glance's own attribute names. */
export const Sidecar = Type.Object(
  {
    name: Type.Optional(Text),
    status: Type.Optional(
      Type.Union([
        Type.Literal('active'),
        Type.Literal('deactivated'),
        Type.Literal('queued'),
        Type.Literal('saving'),
        Type.Literal('importing'),
      ]),
    ),
    visibility: Type.Optional(
      Type.Union([Type.Literal('public'), Type.Literal('private'), Type.Literal('shared'), Type.Literal('community')]),
    ),
    disk_format: Type.Optional(Text),
    container_format: Type.Optional(Text),
    min_disk: Type.Optional(Type.Integer({ minimum: 0 })),
    min_ram: Type.Optional(Type.Integer({ minimum: 0 })),
    owner: Type.Optional(Text),
    protected: Type.Optional(Type.Boolean()),
    os_hidden: Type.Optional(Type.Boolean()),
    tags: Type.Optional(Type.Array(Text, { maxItems: 128 })),
    properties: Type.Optional(
      Type.Record(Type.String({ pattern: '^[^\\s]{1,255}$' }), Type.String({ maxLength: 65535 })),
    ),
  },
  { additionalProperties: false },
)
export type Sidecar = Static<typeof Sidecar>

/**
 * Reads an image's description. No file means an empty description; anything that is not a valid one throws
 * `SHOAL_LIBRARY_SIDECAR`.
 */
export async function readSidecar(path: string): Promise<Sidecar> {
  let text: string
  try {
    text = await readBounded(path)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return {}
    throw libraryError('SHOAL_LIBRARY_SIDECAR', { path, reason: errorMessage(error) }, error)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw libraryError('SHOAL_LIBRARY_SIDECAR', { path, reason: errorMessage(error) }, error)
  }
  if (Value.Check(Sidecar, value)) return value
  const reason = Value.Errors(Sidecar, value)
    .slice(0, 10)
    .map((fault) => `${fault.instancePath || '/'} ${fault.message}`)
    .join('; ')
  throw libraryError('SHOAL_LIBRARY_SIDECAR', { path, reason })
}

async function readBounded(path: string): Promise<string> {
  await using file = await open(path, 'r')
  const { size } = await file.stat()
  if (size > MAX_SIDECAR_BYTES) throw new Error(`it is larger than ${MAX_SIDECAR_BYTES} bytes`)
  const buffer = Buffer.alloc(size)
  const { bytesRead } = await file.read(buffer, 0, size, 0)
  return buffer.toString('utf8', 0, bytesRead)
}
