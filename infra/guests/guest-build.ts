import { globSync, readFileSync, statSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { guestAptSources } from './apt-sources.ts'
import { type GuestCache, guestKey } from './guest-cache.ts'
import type { GuestRole } from './guest-role.ts'
import { runScript } from './run-script.ts'

const DISK_BYTES = 4 * 1024 ** 3
/** About what images for clouds have, less what configures them over the network and would wait for one. */
const BASE_PACKAGES = [
  ...['systemd-sysv', 'udev', 'dbus', 'linux-image-cloud-amd64', 'initramfs-tools', 'zstd', 'procps', 'sudo', 'less'],
  ...['iproute2', 'ifupdown', 'isc-dhcp-client', 'openssh-server', 'ca-certificates', 'curl', 'vim-tiny'],
  'python3-minimal',
]

interface BuildOptions {
  readonly say: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** Where the cache has the base guest, which is built when it has none. */
export async function ensureBase(cache: GuestCache, { say, signal }: BuildOptions): Promise<string> {
  return cache.ensure('base', baseKey(), async (directory) => {
    const tell = (line: string) => say(`base: ${line}`)
    await runScript('install-tools.sh', [], { say: tell, signal })
    const args = [directory, String(DISK_BYTES), BASE_PACKAGES.join(','), ...(await guestAptSources())]
    await runScript('build-base.sh', args, { say: tell, log: join(directory, 'build.log'), signal })
    tell('done')
  })
}

/** Where the cache has the middle of this role; `base` is the directory of the base guest. */
export async function ensureMiddle(
  cache: GuestCache,
  base: string,
  role: GuestRole,
  { say, signal }: BuildOptions,
): Promise<string> {
  return cache.ensure(role.name, middleKey(role), async (directory) => {
    const tell = (line: string) => say(`${role.name}: ${line}`)
    await runScript('install-tools.sh', [], { say: tell, signal })
    const archives = join(cache.directory, 'archives')
    await mkdir(archives, { recursive: true })
    const args = [directory, base, archives, role.name, role.units.join(' '), ...role.packages]
    await runScript('build-middle.sh', args, { say: tell, log: join(directory, 'build.log'), signal })
    tell('done')
  })
}

/** Of everything that decides what is in the base, but for what the mirror has that day. */
export function baseKey(): string {
  const overlay = globSync('overlay/**', { cwd: import.meta.dirname })
    .filter((path) => statSync(join(import.meta.dirname, path)).isFile())
    .sort()
  return guestKey(...['build-base.sh', ...overlay].map(contentOf), String(DISK_BYTES), BASE_PACKAGES.join(' '))
}

export function middleKey({ packages, units }: GuestRole): string {
  return guestKey(baseKey(), contentOf('build-middle.sh'), packages.join(' '), units.join(' '))
}

function contentOf(path: string): Buffer {
  return readFileSync(join(import.meta.dirname, path))
}
