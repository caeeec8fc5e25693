import { ipCommand } from '../../infra/lab/ip-command.ts'
import type { Lab } from '../../infra/lab/lab.ts'
import { labSwitches } from './lab-switches.ts'
import { racksOf, type SwarmSetup } from './swarm-setup.ts'

/** Bytes of the wire, as the token buckets of the links count them: with all headers, after any drop. */
export interface LinkCounts {
  readonly seedUp: number
  /** Into each rack by its uplink. */
  readonly intoRacks: readonly number[]
  readonly intoPeers: ReadonlyMap<string, number>
}

/** Reads the same counters of the links for whatever engine runs; less what they were at `since`. */
export async function readLinkCounts(lab: Lab, setup: SwarmSetup, since?: LinkCounts): Promise<LinkCounts> {
  const switches = labSwitches(lab, setup)
  const [seed, core, ...racks] = await Promise.all([
    sentByLink(lab.host('seed').namespace),
    ...switches.map(({ namespace }) => sentByLink(namespace)),
  ])
  const intoPeers = switches.flatMap(({ ports }, index) =>
    ports.map(({ node, link }) => {
      const bytes = [core, ...racks][index]?.get(link) ?? Number.NaN
      return [node, bytes - (since?.intoPeers.get(node) ?? 0)] as const
    }),
  )
  return {
    seedUp: (seed?.get('eth0') ?? Number.NaN) - (since?.seedUp ?? 0),
    intoRacks: racksOf(setup).map((_, index) => {
      return (core?.get(`rack${index + 1}`) ?? Number.NaN) - (since?.intoRacks[index] ?? 0)
    }),
    intoPeers: new Map(intoPeers),
  }
}

/** What each link of a namespace has sent, for those with a rate. */
async function sentByLink(namespace: string): Promise<Map<string, number>> {
  const listed = await ipCommand(['tc', '-n', namespace, '-s', '-j', 'qdisc', 'show'])
  const disciplines = JSON.parse(listed) as { kind: string; dev: string; bytes: number }[]
  return new Map(disciplines.flatMap(({ kind, dev, bytes }) => (kind === 'tbf' ? [[dev, bytes]] : [])))
}
