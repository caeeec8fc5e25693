import type { Image } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { plainText } from '../format/plain-text.ts'
import { type Column, formatTable } from '../format/table.ts'
import { readAll } from '../page-reader.ts'
import { shortDigest } from '../resolve/layer.ts'

const columns: readonly Column<Image>[] = [
  { title: 'ID', value: (image) => image.id },
  { title: 'NAME', value: (image) => image.name ?? '' },
  { title: 'STATUS', value: (image) => image.status },
  { title: 'FORMAT', value: (image) => image.diskFormat ?? '' },
  { title: 'SIZE', align: 'right', value: (image) => (image.sizeBytes === null ? '' : formatBytes(image.sizeBytes)) },
  { title: 'IMPORT', value: describeImport },
  { title: 'LAYER', value: (image) => (image.layer === null ? '' : shortDigest(image.layer)) },
]

export const imageList = defineCommand({
  usage: 'image list',
  summary: 'List the images of the library and what became of them.',
  options: {
    status: { type: 'string', requiresArg: true, describe: 'Only images with this status in the library (active...)' },
  },
  examples: [['image list --status active', 'the images that can be imported']],
  run: async ({ client, output, signal }, { status }) => {
    const images = await readAll(
      (query) => client.listImages({ query: { ...query, status }, signal }),
      (page) => page.images,
    )
    output.show({ images, next: null }, () => (images.length > 0 ? formatTable(images, columns) : describeNone(status)))
    return EXIT.ok
  },
})

function describeNone(status: string | undefined): string {
  return status === undefined ? 'The library has no images.' : `No image has the status ${plainText(status)}.`
}

/** The import of an image in a word or two. */
export function describeImport({ import: run }: Image): string {
  if (run === null) return ''
  if (run.state !== 'reading') return run.state
  return `reading ${run.bytesTotal === 0 ? 0 : Math.floor((run.bytesRead / run.bytesTotal) * 100)} %`
}
