import { ipCommand } from './ip-command.ts'

const FIRST = 11
const LAST = 250

/** A lab as the kernel knows it: the range 10.<number>.0.0/16, held by the link of that number in the root namespace. */
export interface LabClaim {
  readonly number: number
  readonly prefix: string
  /** The process that the lab belongs to; null for a lab that is meant to stay. */
  readonly owner: number | null
}

/** The root namespace's end of the lab. */
export function rootLinkName({ number }: { number: number }): string {
  return `shoallab${number}`
}

/** The namespace of a lab's host, rack or core. */
export function namespaceName({ prefix, number }: LabClaim, name: string): string {
  return `${prefix}${number}-${name}`
}

/**
 * Claims a range that no route of this machine touches. Creating the link is the claim: the kernel lets only one
 * caller create a name, so labs that start at the same moment do not clash. The link's alias says whose it is.
 */
export async function claimAddressRange(options: { prefix: string; owner: number | null }): Promise<LabClaim> {
  const inUse = await usedRanges()
  const count = LAST - FIRST + 1
  const start = Math.floor(Math.random() * count)
  for (let i = 0; i < count; i++) {
    const claim = { number: FIRST + ((start + i) % count), ...options }
    if (inUse.has(claim.number)) continue
    const link = rootLinkName(claim)
    try {
      await ipCommand(['ip', 'link', 'add', link, 'type', 'veth', 'peer', 'name', `${link}p`])
    } catch (error) {
      if (String(error).includes('File exists')) continue
      throw error
    }
    await ipCommand(['ip', 'link', 'set', link, 'alias', JSON.stringify(options)])
    return claim
  }
  throw new Error('all address ranges 10.x.0.0/16 are in use: end other labs with "node infra/lab/main.ts down --all"')
}

/** The labs of this machine. */
export async function findClaims(): Promise<LabClaim[]> {
  const links = JSON.parse(await ipCommand(['ip', '-j', 'link', 'show'])) as { ifname: string; ifalias?: string }[]
  return links.flatMap(({ ifname, ifalias }) => {
    const number = /^shoallab(\d+)$/.exec(ifname)?.[1]
    // Without its alias the lab is only just being made.
    if (number === undefined || ifalias === undefined) return []
    return [{ number: Number(number), ...(JSON.parse(ifalias) as { prefix: string; owner: number | null }) }]
  })
}

async function usedRanges(): Promise<Set<number>> {
  const routes = JSON.parse(await ipCommand(['ip', '-j', '-4', 'route', 'show', 'table', 'all'])) as { dst: string }[]
  const used = new Set<number>()
  for (const { dst } of routes) {
    const [first, second] = dst.split('/')[0]?.split('.') ?? []
    if (first !== '10') continue
    const bits = Number(dst.split('/')[1] ?? 32)
    const count = bits >= 16 ? 1 : 2 ** (16 - bits)
    for (let i = 0; i < count; i++) used.add(Number(second) + i)
  }
  return used
}
