import { readFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { join } from 'node:path'
import { baseKey, ensureBase, ensureMiddle, middleKey } from './guest-build.ts'
import { defaultGuestCache, GuestCache } from './guest-cache.ts'
import { GUEST_ROLES, type GuestRole } from './guest-role.ts'
import type { BootableGuestSet, GuestMiddle } from './guest-set.ts'

/** Each installs packages with one core and holds about a gigabyte of page cache. */
const MAX_JOBS = 2

export interface GuestOptions {
  /** Kept between runs; default `${XDG_CACHE_HOME:-$HOME/.cache}/shoal/guests`. */
  readonly cacheDirectory?: string | undefined
  /** Middles that are built at the same time. */
  readonly jobs?: number | undefined
  readonly say: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** The base guest and the first 3 or all 20 middles; what is not in the cache is built first, which needs root, Debian and its mirror. */
export async function ensureGuests(options: GuestOptions & { middles: 0 | 3 | 20 }): Promise<BootableGuestSet> {
  return ensureRoles(GUEST_ROLES.slice(0, options.middles), options)
}

/** The same if all of it is in the cache; `undefined` otherwise. */
export async function findGuests(options: {
  middles: 0 | 3 | 20
  cacheDirectory?: string | undefined
}): Promise<BootableGuestSet | undefined> {
  const cache = new GuestCache(options.cacheDirectory ?? defaultGuestCache())
  const base = await cache.find('base', baseKey())
  if (base === undefined) return undefined
  const middles: GuestMiddle[] = []
  for (const role of GUEST_ROLES.slice(0, options.middles)) {
    const directory = await cache.find(role.name, middleKey(role))
    if (directory === undefined) return undefined
    middles.push(await toMiddle(role, directory))
  }
  return toSet(base, middles)
}

/** The base guest and a middle for each of these roles, in their order. */
export async function ensureRoles(roles: readonly GuestRole[], options: GuestOptions): Promise<BootableGuestSet> {
  const cache = new GuestCache(options.cacheDirectory ?? defaultGuestCache())
  const base = await ensureBase(cache, options)
  const middles: GuestMiddle[] = []
  const left = [...roles.entries()]
  const failure = new AbortController()
  const signal = options.signal === undefined ? failure.signal : AbortSignal.any([failure.signal, options.signal])
  const work = async () => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) {
      const [index, role] = next
      middles[index] = await toMiddle(role, await ensureMiddle(cache, base, role, { ...options, signal }))
    }
  }
  const jobs = options.jobs ?? Math.min(MAX_JOBS, availableParallelism())
  const workers = Array.from({ length: Math.max(1, jobs) }, () =>
    work().catch((error: unknown) => {
      // The others would build for nobody.
      failure.abort(error)
      throw error
    }),
  )
  await Promise.allSettled(workers)
  signal.throwIfAborted()
  return toSet(base, middles)
}

async function toMiddle(role: GuestRole, directory: string): Promise<GuestMiddle> {
  return {
    name: role.name,
    flat: join(directory, 'flat.qcow2'),
    untrimmed: join(directory, 'untrimmed.qcow2'),
    installedBytes: Number(await readFile(join(directory, 'installed-kib'), 'utf8')) * 1024,
  }
}

function toSet(base: string, middles: readonly GuestMiddle[]): BootableGuestSet {
  const [kernel, initrd] = [join(base, 'vmlinuz'), join(base, 'initrd.img')]
  return { base: join(base, 'base.qcow2'), middles, kernel, initrd }
}
