import { IMAGE_FORMS, type PrefetchTarget } from '@shoal/api'
import type { InferredOptionTypes, Options } from 'yargs'
import { cliError } from '../errors.ts'
import { present } from './present.ts'

/** Options that say where images are wanted, of plans and of rules. */
export const targetOptions = {
  node: { type: 'string', array: true, requiresArg: true, describe: 'Name of a node; may be given again' },
  all: { type: 'boolean', conflicts: ['node', 'vms'], describe: 'Every node, and those that register later' },
  zone: { type: 'string', requiresArg: true, describe: 'Only nodes of this zone' },
  rack: { type: 'string', requiresArg: true, describe: 'Only nodes of this rack' },
  aggregate: { type: 'string', requiresArg: true, describe: 'Only nodes of this host aggregate' },
  vms: {
    type: 'number',
    requiresArg: true,
    conflicts: 'node',
    describe: 'Room for so many VMs of each image, on nodes that the planner chooses',
  },
  'vms-per-node': {
    type: 'number',
    requiresArg: true,
    implies: 'vms',
    describe: 'VMs that one node may get, with --vms (default 1)',
  },
} as const satisfies Record<string, Options>

/** What of images is wanted there. */
export const formOption = {
  form: {
    choices: IMAGE_FORMS,
    requiresArg: true,
    describe:
      "What of an image: boot, the layers that it is booted from (default); file, the library's exact bytes, for Nova's downloads and precaching through a node's Glance endpoint",
  },
} as const satisfies Record<string, Options>

type TargetArgs = Partial<InferredOptionTypes<typeof targetOptions>>

/** Whether any of them was given. */
export function hasTarget(args: TargetArgs): boolean {
  return Object.keys(readTarget(args)).length > 0
}

/** Where images are wanted. Throws `SHOAL_CLI_USAGE` when nothing says so; its hint names `command`. */
export function targetOf(args: TargetArgs, command: string): PrefetchTarget {
  if (!hasTarget(args)) {
    const reason = 'Say which nodes: --node, --all, --zone, --rack, --aggregate or --vms.'
    throw cliError('SHOAL_CLI_USAGE', { reason, command })
  }
  return readTarget(args)
}

function readTarget({ node, all, zone, rack, aggregate, vms, ...rest }: TargetArgs): PrefetchTarget {
  const vmsPerNode = rest['vms-per-node']
  return present({ nodes: node, all: all ? (true as const) : undefined, zone, rack, aggregate, vms, vmsPerNode })
}
