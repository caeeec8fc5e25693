import { claimAddressRange, type LabClaim, namespaceName, rootLinkName } from './address-range.ts'
import { destroyLab } from './destroy-lab.ts'
import { ipCommands } from './ip-command.ts'
import { LabCable } from './lab-cable.ts'
import { LabHost } from './lab-host.ts'
import { checkPlan, type LabHostPlan, type LabPlan, type LabRackPlan } from './lab-plan.ts'
import { makeRoomForNeighbours } from './neighbour-table.ts'
import { tokenBucket } from './token-bucket.ts'

const SWITCH = 'switch'

/** Racks of hosts, each in a network namespace of its own, behind links of chosen rates. */
export interface Lab extends AsyncDisposable {
  /** Prefix and number, such as `shoal42`: what the command line calls it. */
  readonly name: string
  readonly hosts: ReadonlyMap<string, LabHost>
  /** The address at which the lab's hosts reach a process of the root namespace, and from which that reaches them. */
  readonly rootAddress: string
  /** The host of this name. Throws a TypeError when the plan has none. */
  host(name: string): LabHost
  /** The cable between this rack's switch and the core. Throws a TypeError when the plan has no such rack. */
  uplink(rack: string): LabCable
  address(name: string): string
  /** Ends all processes in the lab and removes it. Idempotent. */
  destroy(): Promise<void>
}

/**
 * Builds a lab: one network 10.x.0.0/16 of switches and cables, with token buckets (`tc tbf`) where the plan names
 * rates. Needs root and iproute2. A lab belongs to this process unless it is meant to stay, so that what a killed
 * test run leaves behind can be told and removed (`destroyAbandonedLabs`).
 */
export async function createLab(plan: LabPlan, options: { signal?: AbortSignal; stays?: boolean } = {}): Promise<Lab> {
  checkPlan(plan)
  if (process.getuid?.() !== 0) throw new Error('a lab needs root: network namespaces cannot be made without')
  const nodes = [plan.core ?? [], ...(plan.racks ?? []).map((rack) => rack.nodes)].flat()
  // The root namespace is one more.
  await makeRoomForNeighbours(nodes.length + 1)
  const owner = options.stays === true ? null : process.pid
  const claim = await claimAddressRange({ prefix: plan.prefix ?? 'shoal', owner })
  try {
    return toLab(claim, plan, await build(claim, plan, options))
  } catch (error) {
    await destroyLab(claim)
    throw error
  }
}

function toLab(claim: LabClaim, { racks = [] }: LabPlan, hosts: ReadonlyMap<string, LabHost>): Lab {
  const host = (name: string) => {
    const found = hosts.get(name)
    if (found === undefined)
      throw new TypeError(`the lab has no host "${name}" (it has ${[...hosts.keys()].join(', ')})`)
    return found
  }
  const uplink = (name: string) => {
    const r = racks.findIndex((rack) => rack.name === name)
    if (r < 0)
      throw new TypeError(`the lab has no rack "${name}" (it has ${racks.map((rack) => rack.name).join(', ')})`)
    return new LabCable(
      { namespace: namespaceName(claim, 'core'), link: `rack${r + 1}` },
      { namespace: namespaceName(claim, name), link: 'uplink' },
    )
  }
  let destroyed: Promise<void> | undefined
  const destroy = () => {
    destroyed ??= destroyLab(claim)
    return destroyed
  }
  return {
    name: `${claim.prefix}${claim.number}`,
    hosts,
    rootAddress: `10.${claim.number}.0.1`,
    host,
    uplink,
    address: (name) => host(name).address,
    destroy,
    [Symbol.asyncDispose]: destroy,
  }
}

async function build(claim: LabClaim, plan: LabPlan, options: { signal?: AbortSignal }): Promise<Map<string, LabHost>> {
  const hosts = new Map<string, LabHost>()
  const core = namespaceName(claim, 'core')
  const rootLink = rootLinkName(claim)
  await ipCommands(
    [
      ...switchLines(core),
      `ip link set ${rootLink}p netns ${core} name root`,
      `ip -n ${core} link set root master ${SWITCH} up`,
      `ip address add 10.${claim.number}.0.1/16 dev ${rootLink}`,
      `ip link set ${rootLink} up`,
    ],
    options,
  )
  const addHost = async (host: LabHostPlan, i: number, rackNumber: number, rack: LabRackPlan | undefined) => {
    const switchNamespace = rack === undefined ? core : namespaceName(claim, rack.name)
    const namespace = namespaceName(claim, host.name)
    // Host 1 of the core is the root namespace; the racks number theirs alike.
    const address = `10.${claim.number}.${rackNumber}.${i + 2}`
    const port = { namespace: switchNamespace, link: `host${i + 2}` }
    await ipCommands(
      [
        `ip netns add ${namespace}`,
        `ip -n ${namespace} link set lo up`,
        `ip -n ${switchNamespace} link add ${port.link} type veth peer name eth0 netns ${namespace}`,
        ...rateLines(host.rateMbit, [switchNamespace, port.link], [namespace, 'eth0']),
        `ip -n ${switchNamespace} link set ${port.link} master ${SWITCH} up`,
        `ip -n ${namespace} address add ${address}/16 dev eth0`,
        `ip -n ${namespace} link set eth0 up`,
      ],
      options,
    )
    const cable = new LabCable(port, { namespace, link: 'eth0' })
    hosts.set(
      host.name,
      new LabHost({ name: host.name, namespace, address, zone: rack?.zone, rack: rack?.name, cable }),
    )
  }
  for (const [i, host] of (plan.core ?? []).entries()) await addHost(host, i, 0, undefined)
  for (const [r, rack] of (plan.racks ?? []).entries()) {
    const namespace = namespaceName(claim, rack.name)
    const port = `rack${r + 1}`
    await ipCommands(
      [
        ...switchLines(namespace),
        `ip -n ${core} link add ${port} type veth peer name uplink netns ${namespace}`,
        ...rateLines(rack.uplinkMbit, [core, port], [namespace, 'uplink']),
        `ip -n ${core} link set ${port} master ${SWITCH} up`,
        `ip -n ${namespace} link set uplink master ${SWITCH} up`,
      ],
      options,
    )
    for (const [i, node] of rack.nodes.entries()) await addHost(node, i, r + 1, rack)
  }
  return hosts
}

function switchLines(namespace: string): string[] {
  return [
    `ip netns add ${namespace}`,
    `ip -n ${namespace} link set lo up`,
    `ip -n ${namespace} link add ${SWITCH} type bridge`,
    `ip -n ${namespace} link set ${SWITCH} up`,
  ]
}

/** A token bucket at both ends of a cable, since one shapes only what leaves its own end. */
function rateLines(rateMbit: number | undefined, ...ends: [namespace: string, link: string][]): string[] {
  if (rateMbit === undefined) return []
  const shape = tokenBucket(rateMbit)
  return ends.map(([namespace, link]) => `tc -n ${namespace} qdisc add dev ${link} root ${shape}`)
}
