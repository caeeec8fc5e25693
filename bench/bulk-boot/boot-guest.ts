import { stat } from 'node:fs/promises'
import type { BootResult, GuestKernel, GuestMachine } from '../../infra/guests/boot-to-marker.ts'
import { ensureRoles } from '../../infra/guests/ensure-guests.ts'
import { GUEST_ROLES } from '../../infra/guests/guest-role.ts'
import { ensureUltralight } from '../../infra/guests/ultralight/ensure-ultralight.ts'
import type { BootCase } from './boot-case.ts'

/** Guests share the machine's cores: a second one in each would only be emulated in turn with the first. */
const DEBIAN_MACHINE: GuestMachine = { type: 'q35', cores: 1, memoryMib: 512, codeMib: 512 }

/** What every node boots. */
export interface BootGuest {
  readonly base: string
  /** The image that is booted, as a user uploaded it: a snapshot of the base after it was changed. */
  readonly flat: string
  readonly flatBytes: number
  /** Absent: it is started by its own boot loader. */
  readonly kernel?: GuestKernel
  readonly machine: GuestMachine
  /** Throws when what a guest says of itself is not what it has to say. */
  check(said: BootResult): void
}

/** Builds it if it is not in the cache of guests. */
export async function ensureBootGuest(
  { guest: name, lightMib, isStartedByGrub = false }: BootCase,
  say: (line: string) => void,
): Promise<BootGuest> {
  if (name === 'light') {
    const size = lightMib === undefined ? undefined : { baseMiB: lightMib, middleMiB: lightMib / 2 }
    const guest = await ensureUltralight({ say, size })
    return { ...guest, check: (said) => checkGuest(said, guest.layers) }
  }
  const [role] = GUEST_ROLES
  if (role === undefined) throw new TypeError('there are no roles')
  const { base, middles, kernel, initrd } = await ensureRoles([role], { say })
  const flat = middles[0]?.untrimmed ?? ''
  const layers = ['base', role.name]
  return {
    ...{ base, flat, flatBytes: (await stat(flat)).size, machine: DEBIAN_MACHINE },
    ...(isStartedByGrub ? {} : { kernel: { kernel, initrd } }),
    check: (said) => {
      checkGuest(said, layers)
      if (role.units.some((unit) => said.units[unit] !== 'active')) {
        throw new Error(`not all services run: ${JSON.stringify(said.units)}`)
      }
    },
  }
}

/** `failed`: services of a system, or files of the light guest whose bytes are not right. */
function checkGuest({ layers, failed }: BootResult, wanted: readonly string[]): void {
  if (failed === 0 && layers.join() === wanted.join()) return
  throw new Error(`a guest is not as it should be: ${failed} failed, made of ${layers.join(' + ')}`)
}
