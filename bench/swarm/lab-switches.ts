import type { Lab } from '../../infra/lab/lab.ts'
import { racksOf, type SwarmSetup } from './swarm-setup.ts'

/** A switch of the lab and what is behind its ports. What a port sends is what the host behind it receives. */
export interface LabSwitch {
  readonly namespace: string
  readonly ports: readonly { readonly node: string; readonly link: string }[]
}

export function labSwitches(lab: Lab, { peers, ...setup }: SwarmSetup): LabSwitch[] {
  const inRack = (name: string | undefined) => peers.filter(({ rack }) => rack === name).map(({ node }) => node)
  // The lab numbers the ports of a switch from 2: host 1 of the core is this machine.
  const ports = (nodes: readonly string[]) => nodes.map((node, index) => ({ node, link: `host${index + 2}` }))
  return [
    { namespace: `${lab.name}-core`, ports: ports(['seed', ...inRack(undefined)]) },
    ...racksOf({ peers, ...setup }).map((rack) => ({ namespace: `${lab.name}-${rack}`, ports: ports(inRack(rack)) })),
  ]
}
