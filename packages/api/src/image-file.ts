import { type Static, Type } from 'typebox'
import { bytes, digest, imageId, nullable, text } from './field.ts'

export const ImageFile = Type.Object(
  {
    image: imageId('The image.'),
    state: Type.Enum(['ready', 'importing', 'none'], {
      description:
        'ready: its layer is there; importing: ask again; none: no layer has these bytes, the library has to be asked.',
    }),
    layer: nullable(digest('The layer whose file has the very bytes of the library.')),
    sizeBytes: bytes('Of the file; 0 unless it is ready.'),
    osHashAlgo: nullable(text('Algorithm of osHashValue.', 40)),
    osHashValue: nullable(text('Hash of the file, hexadecimal, as the library has it.', 256)),
  },
  { description: "Where a node gets an image's file, byte by byte as the library has it." },
)
export type ImageFile = Static<typeof ImageFile>
