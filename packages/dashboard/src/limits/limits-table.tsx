import type { Limits, LimitsStatus } from '@shoal/api'
import { formatRate } from '../format/quantity.ts'

const FLEET = [
  ['libraryBytesPerSecond', 'Reading the library, all imports together'],
  ['seedUpBytesPerSecond', 'The seed sends'],
  ['rackUplinkBytesPerSecond', 'Into and out of each rack'],
] as const
const NODE = [
  ['downBytesPerSecond', 'A node receives'],
  ['upBytesPerSecond', 'A node sends'],
  ['crossRackDownBytesPerSecond', 'A node receives from other racks and the seed'],
  ['crossRackBytesPerSecond', 'A node sends to other racks'],
  ['inRackBytesPerSecond', 'A node sends in its rack'],
  ['prefetchBytesPerSecond', 'A node receives that no VM waits for'],
] as const

/** Each limit, what holds, and who says so. */
export function LimitsTable({ status }: { status: LimitsStatus }) {
  const { effective, set, scheduled } = status
  const sayer = (isSet: boolean, isScheduled: boolean) =>
    isSet ? 'set' : isScheduled ? `schedule, window ${scheduled?.window}` : 'configuration'
  const rows = [
    ...FLEET.map(([key, name]) => {
      return { name, value: effective[key], by: sayer(set[key] !== undefined, scheduled?.limits[key] !== undefined) }
    }),
    ...NODE.map(([key, name]) => {
      const value = effective.node[key as keyof Limits['node']]
      return { name, value, by: sayer(set.node?.[key] !== undefined, scheduled?.limits.node?.[key] !== undefined) }
    }),
  ]
  return (
    <table className="shoal-plain">
      <thead>
        <tr>
          <th scope="col">Limit</th>
          <th scope="col">Holds now</th>
          <th scope="col">By</th>
        </tr>
      </thead>
      <tbody>
        {rows.map(({ name, value, by }) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td>{value === null ? 'no limit' : formatRate(value)}</td>
            <td>{by}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
