import { type Static, Type } from 'typebox'
import { ErrorBody } from './error-body.ts'
import { bytes, digest, nullable, text, time } from './field.ts'

export const COMPOSITION_FORMATS = ['raw', 'qcow2', 'chain'] as const
export const COMPOSITION_STATES = ['queued', 'composing', 'done', 'failed', 'cancelled'] as const
export const COMPRESSIONS = ['none', 'zlib', 'zstd'] as const

/** The most compositions a node keeps. */
export const MAX_COMPOSITIONS = 1000

/** The name of a composition, which is that of its file: nothing that leads out of a directory or hides in it. */
export const compositionName = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9_-][A-Za-z0-9._-]{0,199}$', maxLength: 200, description })

const format = Type.Enum([...COMPOSITION_FORMATS], {
  description:
    'raw and qcow2: one flat disk. chain: no copy, but a new overlay and how QEMU and libvirt open it above the layers.',
})
const compression = Type.Enum([...COMPRESSIONS], { description: 'Of the clusters of a qcow2 disk.' })
const path = (description: string) =>
  Type.String({ pattern: '^/[^\\x00-\\x1f\\x7f]*$', maxLength: 1000, description: `${description} Absolute.` })

export const ComposeRequest = Type.Object(
  {
    layer: digest('The topmost layer of the disk: a middle, which brings its base with it, or a base.'),
    format,
    compression: Type.Optional(compression),
    overlay: Type.Optional(path('Of a chain: where its overlay is or will be. Absent: one is made beside the chain.')),
  },
  { additionalProperties: false, description: 'What to compose. Nothing is compressed unless it is asked for.' },
)
export type ComposeRequest = Static<typeof ComposeRequest>

export const Composition = Type.Object(
  {
    name: compositionName('Its name, and that of the disk.'),
    layer: digest('The topmost layer.'),
    format,
    compression,
    state: Type.Enum([...COMPOSITION_STATES], { description: 'How far it is.' }),
    doneBytes: bytes('Of the disk that the guest sees, gone through so far.'),
    totalBytes: bytes('The disk that the guest sees; 0 while that is not known.'),
    writtenBytes: bytes('Written for it, once done; with a cloned base only what lies above that.'),
    path: text('Where it is, or is to be: the disk, or the description of a chain (JSON).', 4096),
    overlay: nullable(text('Of a chain: its writable top.', 4096)),
    requestedAt: time('When it was asked for.'),
    startedAt: nullable(time('When it was begun.')),
    finishedAt: nullable(time('When it was done, failed or was cancelled.')),
    error: nullable(ErrorBody),
  },
  { description: 'A disk that a node composes from its layers.' },
)
export type Composition = Static<typeof Composition>
