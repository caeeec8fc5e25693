import { type Static, Type } from 'typebox'
import { ErrorBody } from './error-body.ts'
import { bytes, digest, imageId, nullable, text, time } from './field.ts'

export const NOVA_BASE_STATES = ['waiting', 'making', 'placed', 'foreign', 'failed', 'leaving'] as const

/** The most images that a node keeps in Nova's image cache. */
export const MAX_NOVA_BASES = 8192

export const NovaBase = Type.Object(
  {
    image: imageId('The image.'),
    path: text("Where Nova's image cache has its base file.", 4096),
    state: Type.Enum([...NOVA_BASE_STATES], {
      description:
        'waiting: for layers, or for Nova; foreign: there, and made by Nova; failed: is tried again; leaving: ours, not wanted any more.',
    }),
    format: Type.Enum(['raw', 'qcow2'], { description: 'Of the file.' }),
    layers: Type.Array(digest('A layer.'), { maxItems: 2, description: 'What it was made of, the topmost first.' }),
    users: Type.Array(text('Who.', 200), {
      maxItems: 100,
      description: 'Machines whose disks lie above it, and processes that have it open.',
    }),
    doneBytes: bytes('Of the disk, gone through so far.'),
    totalBytes: bytes('The disk that a machine sees; 0 while it is not made.'),
    placedAt: nullable(time('When it was made.')),
    error: nullable(ErrorBody),
  },
  { description: "An image in Nova's image cache on a node." },
)
export type NovaBase = Static<typeof NovaBase>
