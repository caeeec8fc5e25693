import type { PrefetchImage, PrefetchRequest } from '@shoal/api'
import type { InferredOptionTypes, Options, PositionalOptions } from 'yargs'
import type { CommandContext } from '../context.ts'
import { cliError } from '../errors.ts'
import { resolveImage } from '../resolve/image.ts'
import { present } from './present.ts'
import { readPlanFile } from './read-plan-file.ts'
import { simulateOf, simulateOptions } from './simulate-options.ts'
import { formOption, hasTarget, targetOf, targetOptions } from './target-options.ts'
import { termsOf, termsOptions } from './terms-options.ts'
import { timeOptions, timesOf } from './time-options.ts'

/** The images of a plan, as an argument of its commands. */
export const imagesArgument = {
  type: 'string',
  array: true,
  describe: 'Id or name of an image; several for one plan',
} as const satisfies PositionalOptions

/** Options by which a plan is asked for. */
export const requestOptions = {
  ...targetOptions,
  ...formOption,
  ...termsOptions,
  ...timeOptions,
  name: { type: 'string', requiresArg: true, describe: 'Name of the plan, for people' },
  file: {
    type: 'string',
    requiresArg: true,
    describe:
      'JSON file with the images, where they are wanted, and the terms, as POST /v1/prefetch takes it; - reads standard input',
  },
  ...simulateOptions,
} as const satisfies Record<string, Options>

type RequestArgs = Partial<InferredOptionTypes<typeof requestOptions>> & { image?: string[] | undefined }

/**
 * The plan that a command line asks for, with images by id. Terms of the command line replace those of a file. Throws
 * `SHOAL_CLI_USAGE`, whose hint names `command`, `SHOAL_CLI_PLAN_FILE`, or as `resolveImage` does.
 */
export async function readRequest(
  context: CommandContext,
  args: RequestArgs,
  command: string,
): Promise<PrefetchRequest> {
  const { clock, terminal } = context
  const { image: images = [], file: path } = args
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason, command })
  if (path === undefined && images.length === 0) throw fail('Say which image, or give --file.')
  if (path !== undefined && (images.length > 0 || args.form !== undefined || hasTarget(args))) {
    throw fail('Images, their forms and nodes are in the file: give --file alone, or with terms such as --deadline.')
  }
  // All that can be wrong here is found before anybody is asked.
  const said = {
    ...present({ name: args.name, simulate: simulateOf(args, command) }),
    ...termsOf(args, command),
    ...timesOf(args, { nowMs: clock.now(), command }),
  }
  if (path === undefined) {
    const where = { ...present({ form: args.form }), ...targetOf(args, command) }
    return {
      images: await byId(
        context,
        [...new Set(images)].map((image) => ({ image, ...where })),
      ),
      ...said,
    }
  }
  const read = await readPlanFile(path, terminal)
  const limits = { ...read.limits, ...said.limits }
  return {
    ...read,
    ...said,
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
    images: await byId(context, read.images),
  }
}

async function byId(context: CommandContext, wanted: readonly PrefetchImage[]): Promise<PrefetchImage[]> {
  const { client, signal } = context
  const ids = new Map<string, string>()
  const found: PrefetchImage[] = []
  for (const one of wanted) {
    const id = ids.get(one.image) ?? (await resolveImage(client, one.image, { signal })).id
    ids.set(one.image, id)
    found.push({ ...one, image: id })
  }
  return found
}
