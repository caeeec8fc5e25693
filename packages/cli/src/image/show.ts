import type { Image, ImageSignature } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes, formatRate } from '../format/bytes.ts'
import { formatFacts } from '../format/table.ts'
import { resolveImage } from '../resolve/image.ts'
import { describeImport } from './list.ts'

export const imageShow = defineCommand({
  usage: 'image show <image>',
  summary: 'Show one image.',
  positionals: { image: { type: 'string', demandOption: true, describe: 'Id or name of an image' } },
  examples: [['image show debian-12', 'an image by its name']],
  run: async ({ client, output, signal }, args) => {
    const image = await resolveImage(client, args.image, { signal })
    output.show(image, () => formatImage(image))
    return EXIT.ok
  },
})

/** An image for people, a fact a line. */
export function formatImage(image: Image): string {
  const { import: run } = image
  const size = (bytes: number | null) => (bytes === null ? 'unknown' : `${formatBytes(bytes)} (${bytes} bytes)`)
  const facts: [string, string][] = [
    ['id', image.id],
    ['name', image.name ?? ''],
    ['status', image.status],
    ['visibility', image.visibility],
    ['disk format', image.diskFormat ?? ''],
    ['size', size(image.sizeBytes)],
    ['virtual size', size(image.virtualSizeBytes)],
    ['hash', image.osHashValue === null ? '' : `${image.osHashAlgo}:${image.osHashValue}`],
    ['tags', image.tags.join(', ')],
    ['updated', image.updatedAt],
    ['layer', image.layer ?? ''],
    ['chain', image.chain.length > 1 ? image.chain.join(' <- ') : ''],
    ['layers', image.layering === null ? '' : image.layering.state],
    ['signature', describeSignature(image.signature)],
    ['import', describeImport(image)],
  ]
  if (run !== null) {
    facts.push(['  read', `${formatBytes(run.bytesRead)} of ${formatBytes(run.bytesTotal)}`])
    if (run.state === 'reading') facts.push(['  rate', formatRate(run.rateBytesPerSecond)])
    facts.push(['  requests', `${run.libraryRequests} for image data`])
    if (run.startedAt !== null) facts.push(['  started', run.startedAt])
    if (run.finishedAt !== null) facts.push(['  finished', run.finishedAt])
    if (run.error !== null) {
      facts.push(['  error', run.error.message], ['  hint', run.error.hint], ['  code', run.error.code])
    }
  }
  return formatFacts(facts)
}

function describeSignature({ state, certificate, hashMethod, keyType, subject, error }: ImageSignature): string {
  if (state === 'unsigned') return state
  const method = [keyType, hashMethod].filter((part) => part !== null).join(' with ')
  const by = certificate === null ? '' : `certificate ${certificate}${subject === null ? '' : ` (${subject})`}`
  return [state, method, by, error?.message ?? ''].filter((part) => part !== '').join('; ')
}
