import { readFile } from 'node:fs/promises'
import { networkInterfaces } from 'node:os'

const BYTES_PER_MEGABIT = 125_000

/**
 * The rate of the interface that has an address, each way, as the kernel knows it (/sys/class/net/NAME/speed, megabits per second).
 * `null` where it does not: a name, the loopback device, most virtual ones, one that is down.
 */
export async function linkBytesPerSecond(
  host: string,
  { interfaces = networkInterfaces, sysPath = '/sys/class/net' } = {},
): Promise<number | null> {
  const address = host.replace(/^\[|\]$/g, '')
  for (const [name, addresses] of Object.entries(interfaces())) {
    if (addresses?.some((one) => one.address === address) !== true) continue
    // Reading it fails where there is no such thing as a speed.
    const speed = await readFile(`${sysPath}/${name}/speed`, 'utf8').catch(() => '')
    const megabits = Number.parseInt(speed, 10)
    return megabits > 0 ? megabits * BYTES_PER_MEGABIT : null
  }
  return null
}
