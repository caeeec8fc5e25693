import type { Options } from 'yargs'
import type { CommandContext } from '../context.ts'
import type { ExitCode } from '../exit-code.ts'

/** Options of `shoal layer publish` for a file of this machine; `parent` is what says that it is one. */
export const publishFileOptions = {
  parent: {
    type: 'string',
    requiresArg: true,
    conflicts: ['base', 'minimum-saving', 'lay-out', 'boot-profile', 'drop-free-space', 'cancel'],
    describe: 'Take the argument for a file made with "qemu-img create -b": digest, image id or image name of its base',
  },
  backing: {
    type: 'string',
    requiresArg: true,
    implies: 'parent',
    describe: "With --parent: the base on this machine (default: what the file's header names)",
  },
  name: {
    type: 'string',
    requiresArg: true,
    implies: 'parent',
    describe: "With --parent: name of the image in Glance (default: the file's)",
  },
  visibility: {
    choices: ['private', 'shared', 'community', 'public'] as const,
    implies: 'parent',
    describe: 'With --parent: who may see the image in Glance (default private)',
  },
  compress: { type: 'boolean', implies: 'parent', describe: 'With --parent: write only what differs, compressed' },
  tmp: {
    type: 'string',
    requiresArg: true,
    implies: 'parent',
    describe: "With --parent: directory for a copy while it is uploaded (default: the file's)",
  },
  keep: {
    type: 'boolean',
    implies: 'parent',
    describe: 'With --parent: keep the image in Glance when the seed refuses it',
  },
  'dry-run': { type: 'boolean', implies: 'parent', describe: 'With --parent: prove and show, but upload nothing' },
} as const satisfies Record<string, Options>

export interface PublishFileArgs {
  readonly file: string
  readonly parent: string
  readonly backing: string | undefined
  readonly name: string | undefined
  readonly visibility: 'private' | 'shared' | 'community' | 'public'
  readonly compress: boolean
  readonly tmp: string | undefined
  readonly keep: boolean
  readonly 'dry-run': boolean
}

/** What {@link publishFileOptions} and yargs make of a command line. */
type Given = Partial<{ [Name in keyof PublishFileArgs]: PublishFileArgs[Name] | undefined }>

/**
 * Publishes an operator's own overlay as a middle: proves its parent, uploads it to Glance with the operator's credentials (`OS_*`,
 * clouds.yaml) and has the seed import it. Exit 6 when the seed refuses it.
 */
export async function publishFile(
  context: CommandContext,
  given: Given & Pick<PublishFileArgs, 'file' | 'parent'>,
): Promise<ExitCode> {
  // Loaded only here: most commands have no use for OpenStack and images.
  const { publishMiddle } = await import('../middle/publish-middle.ts')
  const { file, parent, backing, name, tmp, visibility = 'private', compress = false, keep = false } = given
  const rest = { backing, name, tmp, visibility, compress, keep, 'dry-run': given['dry-run'] ?? false }
  return publishMiddle(context, { file, parent, ...rest })
}
