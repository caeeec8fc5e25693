/** A host of the lab. */
export interface LabHostPlan {
  readonly name: string
  /** The rate of its own link, each way. Default: no limit. */
  readonly rateMbit?: number
}

/** What a lab looks like: racks of nodes behind a core to which the core hosts and the root namespace connect. */
export interface LabPlan {
  /** Start of the names of what the lab creates. Letters and digits. Default `shoal`. */
  readonly prefix?: string
  /** Hosts at the core, such as the seed. */
  readonly core?: readonly LabHostPlan[]
  readonly racks?: readonly LabRackPlan[]
}

export interface LabRackPlan {
  readonly name: string
  /** Where the rack is said to be. The lab only hands it on. */
  readonly zone: string
  readonly nodes: readonly LabHostPlan[]
  /** The rate of the link between rack and core, each way. Default: no limit. */
  readonly uplinkMbit?: number
}

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/
const PREFIX = /^[a-z][a-z0-9]{0,7}$/
// One octet numbers the rack, one the host; the core has rack 0, and host 1 there is the root namespace.
const MAX_RACKS = 250
const MAX_HOSTS = 240

/** Checks a plan that a person wrote. Throws a TypeError that says what is wrong. */
export function checkPlan(plan: LabPlan): void {
  const { prefix = 'shoal', core = [], racks = [] } = plan
  refuseUnknown('the lab', plan, ['prefix', 'core', 'racks'])
  for (const rack of racks) refuseUnknown(`rack "${rack.name}"`, rack, ['name', 'zone', 'nodes', 'uplinkMbit'])
  for (const host of [...core, ...racks.flatMap((rack) => rack.nodes)]) {
    refuseUnknown(`host "${host.name}"`, host, ['name', 'rateMbit'])
  }
  if (!PREFIX.test(prefix)) throw new TypeError(`lab prefix "${prefix}" is not 1 to 8 lower-case letters and digits`)
  if (racks.length > MAX_RACKS) throw new TypeError(`a lab has at most ${MAX_RACKS} racks, not ${racks.length}`)
  const names = new Set<string>()
  const add = (kind: string, name: string) => {
    if (!NAME.test(name))
      throw new TypeError(`${kind} "${name}" is not a name of lower-case letters, digits and hyphens`)
    if (names.has(name)) throw new TypeError(`the name "${name}" is used twice in the lab`)
    names.add(name)
  }
  add('core', 'core')
  for (const rack of racks) add('rack', rack.name)
  for (const group of [core, ...racks.map((rack) => rack.nodes)]) {
    if (group.length > MAX_HOSTS) throw new TypeError(`a rack has at most ${MAX_HOSTS} hosts, not ${group.length}`)
    for (const host of group) add('host', host.name)
  }
  const rates = [...core, ...racks.flatMap((rack) => rack.nodes)].map((host) => host.rateMbit)
  for (const rate of [...rates, ...racks.map((rack) => rack.uplinkMbit)]) {
    if (rate !== undefined && !(rate > 0)) throw new TypeError(`a rate of ${rate} Mbit/s is not above 0`)
  }
}

/** A misspelt key would otherwise be a link without a rate. */
function refuseUnknown(what: string, plan: object, known: readonly string[]): void {
  const unknown = Object.keys(plan).find((key) => !known.includes(key))
  if (unknown !== undefined) throw new TypeError(`${what} has no setting "${unknown}"; it has ${known.join(', ')}`)
}
