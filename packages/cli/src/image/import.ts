import type { Image } from '@shoal/api'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { followImport } from '../follow/import.ts'
import { formatBytes } from '../format/bytes.ts'
import { formatDuration } from '../format/duration.ts'
import { plainText } from '../format/plain-text.ts'
import { printFault } from '../print-error.ts'
import { resolveImage } from '../resolve/image.ts'

export const imageImport = defineCommand({
  usage: 'image import <image>',
  summary: 'Import an image from the library and publish it as a layer; asking twice joins the import that runs.',
  positionals: { image: { type: 'string', demandOption: true, describe: 'Id or name of an image' } },
  options: {
    wait: { type: 'boolean', describe: 'Wait until it is published; exit 6 when it fails' },
    cancel: { type: 'boolean', conflicts: 'wait', describe: 'Cancel the import instead' },
  },
  examples: [['image import debian-12 --wait', 'import and see how far it is']],
  run: async (context, args) => {
    const { client, output, signal } = context
    const { id } = await resolveImage(client, args.image, { signal })
    const image = args.cancel
      ? await client.cancelImport({ params: { image: id }, signal })
      : await client.importImage({ params: { image: id }, signal })
    if (args.wait) return endImport(context, await followImport(context, { image: id }))
    output.show(image, () => describe(image))
    return EXIT.ok
  },
})

/** Says how an import ended. */
export function endImport({ output, terminal }: CommandContext, image: Image): ExitCode {
  output.show(image, () => describe(image))
  const { import: run } = image
  if (run === null || run.state === 'published') return EXIT.ok
  if (run.error !== null) printFault(terminal, run.error, { json: output.isJson })
  return EXIT.incomplete
}

function describe(image: Image): string {
  const name = plainText(image.name ?? image.id)
  const { import: run, layer } = image
  if (run === null) return layer === null ? `${name}: not imported` : `${name}: published as ${layer}`
  if (run.state === 'published') return `${name}: published as ${layer}, ${describeRead(run)}`
  if (run.state === 'failed') return `${name}: the import failed`
  return `${name}: ${run.state}, ${formatBytes(run.bytesRead)} of ${formatBytes(run.bytesTotal)} read`
}

function describeRead(run: NonNullable<Image['import']>): string {
  const read = `${formatBytes(run.bytesTotal)} read in ${run.libraryRequests} request${run.libraryRequests === 1 ? '' : 's'}`
  if (run.startedAt === null || run.finishedAt === null) return read
  return `${read}, ${formatDuration(Date.parse(run.finishedAt) - Date.parse(run.startedAt))}`
}
