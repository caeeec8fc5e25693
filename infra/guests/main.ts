import { stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { bootToMarker } from './boot-to-marker.ts'
import { ensureGuests, ensureRoles, findGuests, type GuestOptions } from './ensure-guests.ts'
import { defaultGuestCache, GuestCache } from './guest-cache.ts'
import { GUEST_ROLES } from './guest-role.ts'
import type { BootableGuestSet } from './guest-set.ts'

const USAGE = `Usage: node infra/guests/main.ts <command> [--cache DIRECTORY] [--jobs N]
  base                  build the base guest
  middle NAME PKG...    build a middle with these packages
  set 3|20              build the base and so many middles of the table
  boot base|NAME        start one of the table in QEMU and wait until it is up (--grub: by its own boot loader)
  list                  show the table and what is in the cache
  --cache  where what was built is kept; default ${defaultGuestCache()}
  --jobs   middles built at the same time; default 2`

const MIB = 1024 ** 2
const BOOT_TIMEOUT_MS = 300_000

async function print({ base, middles, kernel, initrd }: BootableGuestSet): Promise<void> {
  const line = async (what: string, path: string) => {
    console.log(`${what.padEnd(22)} ${mib((await stat(path)).size)}  ${path}`)
  }
  await line('base', base)
  await line('kernel', kernel)
  await line('initrd', initrd)
  for (const { name, flat, untrimmed, installedBytes } of middles) {
    console.log(`${name}: ${(installedBytes / MIB).toFixed(0)} MiB installed`)
    await line('  flat', flat)
    await line('  untrimmed', untrimmed)
  }
}

async function boot(name: string, options: GuestOptions & { grub: boolean }): Promise<void> {
  const role = GUEST_ROLES.find((role) => role.name === name)
  if (role === undefined && name !== 'base') throw new Error(`there is no guest ${name}: "list" shows them`)
  const { base, middles, kernel, initrd } = await ensureRoles(role === undefined ? [] : [role], options)
  const { seconds, layers, failed, units } = await bootToMarker({
    disks: [{ file: middles[0]?.flat ?? base, format: 'qcow2' }],
    kernel: options.grub ? undefined : { kernel, initrd },
    timeoutMs: BOOT_TIMEOUT_MS,
    say: options.say,
  })
  const states = Object.entries(units).map(([unit, state]) => `, ${unit} ${state}`)
  console.log(`${layers.join(' + ')} up after ${seconds.toFixed(1)} s, ${failed} units failed${states.join('')}`)
}

async function list(cacheDirectory: string): Promise<void> {
  for (const { name, packages } of GUEST_ROLES) console.log(`${name.padEnd(12)} ${packages.join(' ')}`)
  const entries = await new GuestCache(cacheDirectory).entries()
  console.log(entries.length === 0 ? `${cacheDirectory} is empty` : `in ${cacheDirectory}:`)
  for (const entry of entries) {
    const image = entry.startsWith('base-') ? 'base.qcow2' : 'flat.qcow2'
    console.log(`${mib((await stat(join(cacheDirectory, entry, image))).size)}  ${entry}`)
  }
  for (const count of [3, 20] as const) {
    const isThere = (await findGuests({ middles: count, cacheDirectory })) !== undefined
    console.log(`set ${count}: ${isThere ? 'complete' : 'not complete'}`)
  }
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(1).padStart(8)} MiB`
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      cache: { type: 'string', default: defaultGuestCache() },
      jobs: { type: 'string' },
      grub: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const [command, name, ...packages] = positionals
  const cacheDirectory = resolve(values.cache)
  const jobs = values.jobs === undefined ? undefined : Number(values.jobs)
  const options = { cacheDirectory, jobs, say: (line: string) => console.error(line) }
  if (values.help || (jobs !== undefined && !(Number.isInteger(jobs) && jobs > 0))) usage(values.help)
  else if (command === 'base' && name === undefined) await print(await ensureGuests({ ...options, middles: 0 }))
  else if (command === 'middle' && name !== undefined && /^[a-z][a-z0-9]*$/.test(name) && packages.length > 0) {
    await print(await ensureRoles([{ name, packages, units: [] }], options))
  } else if (command === 'set' && (name === '3' || name === '20') && packages.length === 0) {
    await print(await ensureGuests({ ...options, middles: name === '3' ? 3 : 20 }))
  } else if (command === 'boot' && name !== undefined && packages.length === 0)
    await boot(name, { ...options, grub: values.grub })
  else if (command === 'list' && name === undefined) await list(cacheDirectory)
  else usage(false)
}

function usage(isWanted: boolean): void {
  console.error(USAGE)
  process.exitCode = isWanted ? 0 : 2
}

// A signal by itself would leave what a script has started.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
try {
  await main()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
