import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { followDistribution } from '../follow/distribution.ts'
import { followImport } from '../follow/import.ts'
import { endDistribution } from '../layer/end-distribution.ts'
import { resolveImage } from '../resolve/image.ts'
import { endImport } from './import.ts'

export const imageWatch = defineCommand({
  usage: 'image watch <image>',
  summary: 'Follow the import of an image, then its distribution to the last node it is assigned to.',
  positionals: { image: { type: 'string', demandOption: true, describe: 'Id or name of an image' } },
  examples: [['image watch debian-12 --json', 'every change as one JSON object a line']],
  run: async (context, args) => {
    const { client, output, signal } = context
    const found = await resolveImage(client, args.image, { signal })
    const label = found.name ?? found.id
    if (found.import === null && found.layer === null) output.note(`${label}: not imported yet, waiting`)
    const image = await followImport(context, {
      image: found.id,
      onChange: (state) => output.isJson && output.item({ image: state }, () => ''),
    })
    if (image.layer === null) return output.isJson ? EXIT.incomplete : endImport(context, image)
    if (!output.isJson) endImport(context, image)
    const state = await followDistribution(context, {
      layer: image.layer,
      label,
      onChange: (distribution) => output.isJson && output.item({ distribution }, () => ''),
    })
    return endDistribution(context, state)
  },
})
