import { ipCommand } from '../../infra/lab/ip-command.ts'
import type { Lab } from '../../infra/lab/lab.ts'
import { racksOf, type SwarmSetup } from './swarm-setup.ts'

/** Bytes of the wire since the lab was made, as its token buckets count them: with all headers, after any drop. */
export interface LinkCounts {
  readonly seedUp: number
  /** Into each rack by its uplink. */
  readonly intoRacks: readonly number[]
}

/** Reads the same counters of the links for whatever engine runs. */
export async function readLinkCounts(lab: Lab, setup: SwarmSetup): Promise<LinkCounts> {
  const [seed, core] = await Promise.all([sentByLink(lab.host('seed').namespace), sentByLink(`${lab.name}-core`)])
  return {
    seedUp: seed.get('eth0') ?? Number.NaN,
    intoRacks: racksOf(setup).map((_, index) => core.get(`rack${index + 1}`) ?? Number.NaN),
  }
}

/** What each link of a namespace has sent, for those with a rate. */
export async function sentByLink(namespace: string): Promise<Map<string, number>> {
  const listed = await ipCommand(['tc', '-n', namespace, '-s', '-j', 'qdisc', 'show'])
  const disciplines = JSON.parse(listed) as { kind: string; dev: string; bytes: number }[]
  return new Map(disciplines.flatMap(({ kind, dev, bytes }) => (kind === 'tbf' ? [[dev, bytes]] : [])))
}
