import { readFileSync } from 'node:fs'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { GuestKernel, GuestMachine } from '../boot-to-marker.ts'
import type { GuestOptions } from '../ensure-guests.ts'
import { defaultGuestCache, GuestCache, guestKey } from '../guest-cache.ts'
import { buildUltralight, type UltralightSize } from './build-ultralight.ts'

const BUILT_FROM = [
  'init',
  'fetch-kernel.sh',
  'write-initrd.ts',
  'build-ultralight.ts',
  'boot-files.ts',
  '../small-disk.ts',
]
const DEFAULT_SIZE: UltralightSize = { baseMiB: 96, middleMiB: 48 }
/**
 * What the guest has no use for costs time without hardware virtualisation: probing of devices, checks of the
 * kernel's own.
 */
const PARAMETERS =
  'console=ttyS0 quiet rdinit=/init nokaslr mitigations=off acpi=off lpj=4000000 cryptomgr.notests no_timer_check ' +
  'audit=0 nowatchdog 8250.nr_uarts=1'

/** A guest that starts within about 2 s of one core, then checks the sums of files on its disk. */
export interface UltralightGuest {
  readonly base: string
  /** A snapshot of the base's disk after it was changed. */
  readonly flat: string
  readonly flatBytes: number
  /** What it says of itself when it is up. */
  readonly layers: readonly string[]
  readonly kernel: GuestKernel
  readonly machine: GuestMachine
}

/** The ultralight guest, out of the cache or built. */
export async function ensureUltralight(
  options: Omit<GuestOptions, 'jobs'> & { size?: UltralightSize | undefined },
): Promise<UltralightGuest> {
  const { say, signal, size = DEFAULT_SIZE } = options
  const cache = new GuestCache(options.cacheDirectory ?? defaultGuestCache())
  const sources = BUILT_FROM.map((path) => readFileSync(join(import.meta.dirname, path)))
  const key = guestKey(...sources, JSON.stringify(size))
  const directory = await cache.ensure('ultralight', key, (building) => {
    return buildUltralight(building, { ...size, say: (line) => say(`ultralight: ${line}`), signal })
  })
  const flat = join(directory, 'flat.qcow2')
  return {
    ...{ base: join(directory, 'base.qcow2'), flat, flatBytes: (await stat(flat)).size },
    layers: ['base', 'ultralight'],
    kernel: { kernel: join(directory, 'vmlinuz'), initrd: join(directory, 'initrd'), parameters: PARAMETERS },
    machine: { type: 'pc', cores: 1, memoryMib: 192, codeMib: 64 },
  }
}
