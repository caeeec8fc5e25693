import { MAX_PLACED_VMS, type PlacementRequest } from '@shoal/api'
import type { InferredOptionTypes, Options } from 'yargs'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { present } from '../prefetch/present.ts'
import { resolveImage } from '../resolve/image.ts'

export const placeOptions = {
  image: {
    type: 'string',
    array: true,
    requiresArg: true,
    demandOption: true,
    describe: 'Id or name of an image and how many VMs of it, as web=8; may be given again',
  },
  node: {
    type: 'string',
    array: true,
    requiresArg: true,
    describe:
      'Name of a node that comes into question, and how many VMs it can take, as c1=2 or c1; may be given again',
  },
  zone: { type: 'string', requiresArg: true, describe: 'Only nodes of this zone' },
  rack: { type: 'string', requiresArg: true, describe: 'Only nodes of this rack' },
  aggregate: { type: 'string', requiresArg: true, describe: 'Only nodes of this host aggregate' },
  'vms-per-node': { type: 'number', requiresArg: true, describe: 'VMs that a node can take (default: all)' },
  spread: {
    type: 'number',
    requiresArg: true,
    describe:
      'How many images may be fetched to have a VM on a node with one VM less (default 0.85); 0 goes by bytes alone',
  },
} as const satisfies Record<string, Options>

type PlaceArgs = InferredOptionTypes<typeof placeOptions>

/**
 * What a command line asks for, and the names of its images by id. Throws `SHOAL_CLI_USAGE`, or as `resolveImage` does.
 */
export async function readPlaceRequest(
  { client, signal }: CommandContext,
  { image, node, zone, rack, aggregate, spread, ...rest }: PlaceArgs,
): Promise<{ request: PlacementRequest; names: ReadonlyMap<string, string> }> {
  // All that can be wrong here is found before anybody is asked.
  const wanted = image.map((text) => {
    const { name, count } = readCount(text)
    if (count === undefined) throw usage(`"${text}" does not say how many VMs: --image ${text}=COUNT.`)
    if (count < 1) throw usage(`"${text}" asks for no VMs.`)
    return { name, vms: count }
  })
  const nodes = node?.map((text) => {
    const { name, count } = readCount(text)
    return present({ node: name, vms: count })
  })
  const names = new Map<string, string>()
  const images: PlacementRequest['images'] = []
  for (const { name, vms } of wanted) {
    const { id } = await resolveImage(client, name, { signal })
    if (names.has(id)) throw usage(`Image ${name} is named twice.`)
    names.set(id, name)
    images.push({ image: id, vms })
  }
  const request = present({ nodes, zone, rack, aggregate, vmsPerNode: rest['vms-per-node'], spread })
  return { request: { images, ...request }, names }
}

/** `NAME=COUNT`, or a name alone; names of images may have an equals sign. */
function readCount(text: string): { name: string; count: number | undefined } {
  const at = text.lastIndexOf('=')
  if (at < 0) return { name: text, count: undefined }
  const [name, digits] = [text.slice(0, at), text.slice(at + 1)]
  const count = Number(digits)
  if (name === '' || !/^\d{1,9}$/.test(digits) || count > MAX_PLACED_VMS) {
    throw usage(`"${text}" is not NAME=COUNT with a count of at most ${MAX_PLACED_VMS}.`)
  }
  return { name, count }
}

function usage(reason: string) {
  return cliError('SHOAL_CLI_USAGE', { reason, command: 'shoal place' })
}
