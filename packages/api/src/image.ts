import { type Static, Type } from 'typebox'
import { ErrorBody } from './error-body.ts'
import { bytes, count, digest, imageId, nullable, rate, text, time } from './field.ts'
import { Layering } from './layering.ts'

export const IMPORT_STATES = ['queued', 'reading', 'verifying', 'published', 'failed', 'cancelled'] as const

export const ImportState = Type.Enum([...IMPORT_STATES], { description: 'How far the import of an image is.' })
export type ImportState = Static<typeof ImportState>

export const ImageImport = Type.Object(
  {
    state: ImportState,
    bytesRead: bytes('Read from the library and durable so far.'),
    bytesTotal: bytes('Size of the image.'),
    rateBytesPerSecond: rate('Present rate of reading.'),
    libraryRequests: count('Requests for image data made to the library; 1 unless the read was cut and resumed.'),
    startedAt: nullable(time('When reading began.')),
    finishedAt: nullable(time('When the import was published, failed or was cancelled.')),
    error: nullable(ErrorBody),
  },
  { description: 'The import of an image into a layer.' },
)
export type ImageImport = Static<typeof ImageImport>

export const SIGNATURE_STATES = ['unsigned', 'unverified', 'verified', 'refused'] as const

export const ImageSignature = Type.Object(
  {
    state: Type.Enum([...SIGNATURE_STATES], {
      description:
        'unsigned: the image claims no signature; unverified: it claims one that was not looked at; verified: its bytes have it; refused: they have not, or its certificate is not trusted.',
    }),
    certificate: nullable(text('Id of the certificate that the image names.', 40)),
    hashMethod: nullable(text('Hash method that the image names, as SHA-256.', 40)),
    keyType: nullable(text('Type of key that the image names, as RSA-PSS or ECC_SECP384R1.', 40)),
    subject: nullable(text('Whom the certificate names, once the signature is verified.')),
    checkedAt: nullable(time('When it was looked at.')),
    error: nullable(ErrorBody),
  },
  { description: "What an image's properties say of the signature of its bytes, and what was found of that." },
)
export type ImageSignature = Static<typeof ImageSignature>

export const Image = Type.Object(
  {
    id: imageId('Glance id.'),
    name: nullable(text('Name in the library.')),
    status: text('Status in the library: active, deactivated, deleted, queued...', 40),
    visibility: text('Visibility in the library: public, private, shared, community.', 40),
    diskFormat: nullable(text('Disk format as the library declares it.', 40)),
    sizeBytes: nullable(bytes('Size of the image file.')),
    virtualSizeBytes: nullable(bytes('Size of the disk a VM sees, when the library knows it.')),
    osHashAlgo: nullable(text('Algorithm of osHashValue.', 40)),
    osHashValue: nullable(text('Hash of the image file, hexadecimal.', 256)),
    updatedAt: time('Last change in the library.'),
    tags: Type.Array(text('A tag.', 255), { maxItems: 1000, description: 'Tags in the library.' }),
    import: nullable(ImageImport),
    layer: nullable(digest('The layer this image was published as.')),
    chain: Type.Array(digest('A layer.'), {
      maxItems: 2,
      description:
        'What a node needs to boot the image: its own layer, or a base and a middle. Empty until it is published.',
    }),
    layering: nullable(Layering),
    signature: ImageSignature,
  },
  { description: 'An image of the library and what Shoal made of it.' },
)
export type Image = Static<typeof Image>
