import type { Image, LayeringRequest } from '@shoal/api'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import { followLayering } from '../follow/layering.ts'
import { formatBytes } from '../format/bytes.ts'
import { plainText } from '../format/plain-text.ts'
import { printFault } from '../print-error.ts'
import { resolveImage } from '../resolve/image.ts'
import { resolveDigest, shortDigest } from '../resolve/layer.ts'

export const layerPublish = defineCommand({
  usage: 'layer publish <image>',
  summary: 'Make base and middle of a flat image, where a known base fits and the middle saves enough.',
  positionals: { image: { type: 'string', demandOption: true, describe: 'Id or name of an imported image' } },
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
    'drop-free-space': {
      type: 'boolean',
      describe: 'Leave out blocks that no file of the guest uses: the disk then differs in them',
    },
    wait: { type: 'boolean', describe: 'Wait until it is over; exit 6 when it fails' },
    cancel: { type: 'boolean', conflicts: ['wait', 'base'], describe: 'Cancel it instead' },
  },
  examples: [
    ['layer publish web-server --wait', 'find the best base, and see how far it is'],
    ['layer publish web-server --base debian-12 --minimum-saving 10', 'on this base, for any saving of 10 % or more'],
  ],
  run: async (context, args) => {
    const { client, output, signal } = context
    const { id } = await resolveImage(client, args.image, { signal })
    const params = { image: id }
    if (args.cancel) {
      const image = await client.cancelLayering({ params, signal })
      output.show(image, () => describeLayering(image))
      return EXIT.ok
    }
    const base = args.base === undefined ? undefined : await resolveDigest(client, args.base, { signal })
    const saving = args['minimum-saving']
    const body: LayeringRequest = {
      ...(base === undefined ? {} : { base }),
      ...(saving === undefined ? {} : { minimumSaving: saving / 100 }),
      ...(args['drop-free-space'] ? { dropFreeSpace: true } : {}),
    }
    const image = await client.publishLayers({ params, body, signal })
    if (args.wait) return endLayering(context, await followLayering(context, { image: id }))
    output.show(image, () => describeLayering(image))
    return EXIT.ok
  },
})

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
  const { state, base, middleBytes, flatBytes, minimumSaving, estimatedSharing } = layering
  const below = base === null ? 'no base' : `base ${shortDigest(base)}`
  const shared = estimatedSharing === null ? '' : `, about ${percent(estimatedSharing)} of the content shared`
  const size = middleBytes === null ? '' : `, middle ${formatBytes(middleBytes)} of ${formatBytes(flatBytes)}`
  const saved = middleBytes === null ? '' : ` (saves ${percent(1 - middleBytes / flatBytes)})`
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
