import type { Limits, LimitsOverride, NodeLimits } from '@shoal/api'

type FleetField = Exclude<keyof Limits, 'node'>

/** One limit: its name on the command line, where the API has it, and what it limits. */
export interface LimitName {
  readonly name: string
  readonly field:
    | { readonly of: 'fleet'; readonly key: FleetField }
    | { readonly of: 'node'; readonly key: keyof NodeLimits }
  readonly meaning: string
}

const fleet = (key: FleetField) => ({ of: 'fleet', key }) as const
const node = (key: keyof NodeLimits) => ({ of: 'node', key }) as const

/** Every limit, in the order of the help. */
export const LIMIT_NAMES = [
  { name: 'library', field: fleet('libraryBytesPerSecond'), meaning: 'Reading the library, all imports together' },
  { name: 'seed-up', field: fleet('seedUpBytesPerSecond'), meaning: 'What the seed sends' },
  { name: 'rack-uplink', field: fleet('rackUplinkBytesPerSecond'), meaning: 'Into, and out of, each rack' },
  { name: 'node-up', field: node('upBytesPerSecond'), meaning: 'What each node sends' },
  { name: 'node-down', field: node('downBytesPerSecond'), meaning: 'What each node receives' },
  { name: 'cross-rack', field: node('crossRackBytesPerSecond'), meaning: 'What each node sends to other racks' },
  {
    name: 'cross-rack-down',
    field: node('crossRackDownBytesPerSecond'),
    meaning: 'What each node receives from other racks and the seed',
  },
  { name: 'in-rack', field: node('inRackBytesPerSecond'), meaning: 'What each node sends within its rack' },
  { name: 'prefetch', field: node('prefetchBytesPerSecond'), meaning: 'What each node receives that no VM waits for' },
] as const satisfies readonly LimitName[]

/** The value of one limit; undefined when it was not set. */
export function limitOf(limits: LimitsOverride, { field }: LimitName): number | null | undefined {
  return field.of === 'fleet' ? limits[field.key] : limits.node?.[field.key]
}
