import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Inspection, InspectionCheck } from '@shoal/api'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { EXIT } from '../exit-code.ts'
import { formatBytes } from '../format/bytes.ts'
import { type Column, formatTable } from '../format/table.ts'
import { printFault } from '../print-error.ts'
import { resolveImage } from '../resolve/image.ts'

const columns: readonly Column<InspectionCheck>[] = [
  { title: 'CHECK', value: ({ name }) => name },
  { title: 'OUTCOME', value: ({ outcome }) => outcome },
  { title: 'CODE', value: ({ code }) => code ?? '' },
]

export const imageInspect = defineCommand({
  usage: 'image inspect <image>',
  summary:
    'Show every check that an image went through when it was imported, or check a file here; exit 6 when it is refused.',
  positionals: {
    image: { type: 'string', demandOption: true, describe: 'Id or name of an image, or the path of a file' },
  },
  options: {
    format: { choices: ['raw', 'qcow2'], requiresArg: true, describe: 'Format of a file: it is never guessed' },
    'allow-backing-file': {
      type: 'boolean',
      describe: 'The file is an overlay of your own: let it name a backing file',
    },
  },
  examples: [
    ['image inspect debian-12', 'why an image was refused'],
    ['image inspect ./disk.qcow2 --format qcow2', 'check a file before it is uploaded; no seed is asked'],
  ],
  run: async (context, args) => {
    const { output, terminal } = context
    const path = resolve(terminal.cwd, args.image)
    const isFile = args.image.includes('/') || existsSync(path)
    if (!isFile && (args.format !== undefined || args['allow-backing-file'])) {
      throw cliError('SHOAL_CLI_USAGE', {
        reason: `There is no file ${args.image}, and of an image the library says the format.`,
        command: 'shoal image inspect',
      })
    }
    const inspection = isFile
      ? await inspectHere(path, args.format, { allowsBackingFile: args['allow-backing-file'] ?? false, context })
      : await inspectThere(context, args.image)
    output.show(inspection, () => formatInspection(inspection))
    const fault = inspection.checks.find(({ outcome }) => outcome === 'failed')
    if (fault === undefined) return EXIT.ok
    const { code, message, hint, details } = fault
    const told = { code: code ?? '', message: message ?? '', hint: hint ?? '', details }
    printFault(terminal, told, { json: output.isJson })
    return EXIT.incomplete
  },
})

async function inspectThere({ client, signal }: CommandContext, text: string): Promise<Inspection> {
  const { id } = await resolveImage(client, text, { signal })
  return client.showInspection({ params: { image: id }, signal })
}

async function inspectHere(
  path: string,
  format: string | undefined,
  { allowsBackingFile, context }: { allowsBackingFile: boolean; context: CommandContext },
): Promise<Inspection> {
  if (format === undefined) {
    const reason = 'Say with --format what the file is: raw or qcow2.'
    throw cliError('SHOAL_CLI_USAGE', { reason, command: 'shoal image inspect' })
  }
  // Costly to load, and of no use to other commands.
  const { inspectFile } = await import('./inspect-file.ts')
  return inspectFile(path, { format, allowsBackingFile, signal: context.signal })
}

function formatInspection({ format, virtualSizeBytes, isAccepted, checks }: Inspection): string {
  const size = virtualSizeBytes === null ? '' : `, a disk of ${formatBytes(virtualSizeBytes)}`
  return `${formatTable(checks, columns)}\n\n${isAccepted ? 'accepted' : 'refused'}: ${format}${size}`
}
