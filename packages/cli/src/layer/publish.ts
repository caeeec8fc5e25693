import { readFile, stat } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Image, type LayeringRequest, MAX_BOOT_PROFILE_CHARS } from '@shoal/api'
import { errorMessage } from '@shoal/core'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { followLayering } from '../follow/layering.ts'
import { formatBytes } from '../format/bytes.ts'
import { plainText } from '../format/plain-text.ts'
import { printFault } from '../print-error.ts'
import { resolveImage } from '../resolve/image.ts'
import { resolveDigest, shortDigest } from '../resolve/layer.ts'
import { publishFile, publishFileOptions } from './publish-file.ts'

export const layerPublish = defineCommand({
  usage: 'layer publish <image>',
  summary: 'Make base and middle of a flat image where that saves enough, or publish a middle of your own (--parent).',
  positionals: {
    image: { type: 'string', demandOption: true, describe: 'Id or name of an imported image; with --parent a file' },
  },
  options: {
    base: {
      type: 'string',
      requiresArg: true,
      describe: 'Layer or image to take as the base; the best fit when absent',
    },
    'minimum-saving': {
      type: 'number',
      requiresArg: true,
      describe: "Percent of the image's size that the middle must save (default: the seed's layers.minimumSaving)",
    },
    'lay-out': {
      type: 'boolean',
      conflicts: ['base', 'minimum-saving'],
      describe: 'Make a base of the image itself, laid out anew',
    },
    'boot-profile': {
      type: 'string',
      requiresArg: true,
      describe: 'File with what a machine reads while it boots: that comes first in the layer',
    },
    'drop-free-space': {
      type: 'boolean',
      describe: 'Leave out blocks that no file of the guest uses: the disk then differs in them',
    },
    wait: { type: 'boolean', describe: 'Wait until it is over; exit 6 when it fails' },
    cancel: { type: 'boolean', conflicts: ['wait', 'base'], describe: 'Cancel it instead' },
    ...publishFileOptions,
  },
  examples: [
    ['layer publish web-server --wait', 'find the best base, and see how far it is'],
    ['layer publish web-server --base debian-12 --minimum-saving 10', 'on this base, for any saving of 10 % or more'],
    ['layer publish debian-12 --lay-out --boot-profile boot.profile', 'a base with what a boot reads in front'],
    ['layer publish ./web.qcow2 --parent debian-12', 'a file made with "qemu-img create -b", by way of Glance'],
  ],
  run: async (context, args) => {
    const { client, output, signal } = context
    const { image: file, parent } = args
    if (parent !== undefined) return publishFile(context, { ...args, file, parent })
    const { id } = await resolveImage(client, args.image, { signal })
    const params = { image: id }
    if (args.cancel) {
      const image = await client.cancelLayering({ params, signal })
      output.show(image, () => describeLayering(image))
      return EXIT.ok
    }
    const base = args['lay-out'] ? 'none' : await baseDigest(context, args.base)
    const profile = args['boot-profile']
    const saving = args['minimum-saving']
    const body: LayeringRequest = {
      ...(base === undefined ? {} : { base }),
      ...(saving === undefined ? {} : { minimumSaving: saving / 100 }),
      ...(profile === undefined ? {} : { bootProfile: await readProfile(context, profile) }),
      ...(args['drop-free-space'] ? { dropFreeSpace: true } : {}),
    }
    const image = await client.publishLayers({ params, body, signal })
    if (args.wait) return endLayering(context, await followLayering(context, { image: id }))
    output.show(image, () => describeLayering(image))
    return EXIT.ok
  },
})

function baseDigest({ client, signal }: CommandContext, text: string | undefined): Promise<string> | undefined {
  return text === undefined ? undefined : resolveDigest(client, text, { signal })
}

async function readProfile({ terminal }: CommandContext, path: string): Promise<string> {
  const file = resolve(terminal.cwd, path)
  try {
    const { size } = await stat(file)
    if (size > MAX_BOOT_PROFILE_CHARS) throw new Error(`it has more than ${MAX_BOOT_PROFILE_CHARS} bytes`)
    return await readFile(file, 'latin1')
  } catch (error) {
    throw cliError('SHOAL_CLI_BOOT_PROFILE', { path, reason: errorMessage(error) }, error)
  }
}

/** Says how it ended. */
function endLayering({ output, terminal }: CommandContext, image: Image): ExitCode {
  output.show(image, () => describeLayering(image))
  const { layering } = image
  if (layering === null || layering.state === 'published' || layering.state === 'kept-flat') return EXIT.ok
  if (layering.error !== null) printFault(terminal, layering.error, { json: output.isJson })
  return EXIT.incomplete
}

/** What became of an image's layers, for people. */
export function describeLayering({ id, name, layering }: Image): string {
  const image = plainText(name ?? id)
  if (layering === null) return `${image}: no layers were asked for`
  const { state, base, layerBytes, flatBytes, minimumSaving, estimatedSharing } = layering
  const below = base === null ? 'a base itself' : `base ${shortDigest(base)}`
  const shared = estimatedSharing === null ? '' : `, about ${percent(estimatedSharing)} of the content shared`
  const size =
    layerBytes === null
      ? ''
      : `, ${base === null ? 'layer' : 'middle'} ${formatBytes(layerBytes)} of ${formatBytes(flatBytes)}`
  const saved = layerBytes === null ? '' : ` (saves ${percent(1 - layerBytes / flatBytes)})`
  if (state === 'kept-flat') {
    return base === null
      ? `${image}: stays one layer, no known base fits it`
      : `${image}: stays one layer, at least ${percent(minimumSaving)} must be saved; ${below}${shared}${size}${saved}`
  }
  return `${image}: ${state}, ${below}${shared}${size}${saved}`
}

function percent(share: number): string {
  return `${Math.round(share * 100)} %`
}
