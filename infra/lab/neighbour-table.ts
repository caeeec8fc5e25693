import { readFile, writeFile } from 'node:fs/promises'

/** The kernel's bounds for IPv4 neighbours (arp(7)): kept whatever their age, cleaned up after 5 s, and never exceeded. */
const BOUNDS = ['gc_thresh1', 'gc_thresh2', 'gc_thresh3'] as const
const DIRECTORY = '/proc/sys/net/ipv4/neigh/default'

/**
 * Raises the bounds so that each of `hosts` can know the addresses of all others. The kernel has one table for all network
 * namespaces, by default for 1,024 entries, which 33 hosts fill: then some reach nobody. The bounds hold for the whole machine and are
 * never lowered. Where the kernel does not show them to us, as in some containers, they are left as they are.
 */
export async function makeRoomForNeighbours(hosts: number): Promise<void> {
  for (const [index, name] of BOUNDS.entries()) {
    const path = `${DIRECTORY}/${name}`
    const wanted = hosts ** 2 * 2 ** index
    const bound = await readFile(path, 'utf8').catch(() => undefined)
    if (bound !== undefined && Number(bound) < wanted) await writeFile(path, `${wanted}`)
  }
}
