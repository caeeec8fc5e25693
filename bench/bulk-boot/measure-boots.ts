import { cpus } from 'node:os'
import { bootToMarker } from '../../infra/guests/boot-to-marker.ts'
import { engineEnvironment } from '../engines/engine-process.ts'
import { machineCpuSeconds, reapedCpuSeconds } from '../engines/process-usage.ts'
import type { BootGround } from './boot-ground.ts'
import type { DiskSource } from './disk-source.ts'
import { onGuestCores } from './host-core.ts'
import { readLinkBytes } from './link-bytes.ts'

const SPARE_LISTENERS = 20

/** All nodes booted at once. Times are seconds from the request, which is the same moment for all of them. */
export interface BootRun {
  readonly nodes: number
  /** Until a guest said that it is up. */
  readonly firstSeconds: number
  readonly medianSeconds: number
  readonly lastSeconds: number
  /** Until QEMU could be started; of the median and of the last node. */
  readonly openedMedianSeconds: number
  readonly openedLastSeconds: number
  /** Payload until the last guest was up: sent by the library, by the seed, and received by a node in the mean. */
  readonly libraryMB: number
  readonly seedMB: number
  readonly nodeMB: number
  /** Of QEMU and what fetched for it, for one guest. */
  readonly guestCpuSeconds: number
  /** Of all cores, whoever used them. Near 1 the machine is what was measured. */
  readonly machineCpuShare: number
  /** What the way to the disk knows. */
  readonly facts: Readonly<Record<string, number>>
}

/** Boots a guest on every node; rejects when one is not up in time or is not as it should be, and ends them all. */
export async function measureBoots(
  ground: BootGround,
  disks: DiskSource,
  { timeoutMs }: { timeoutMs: number },
): Promise<BootRun> {
  const { lab, guest, setup, directory } = ground
  const failure = new AbortController()
  const signal = AbortSignal.any([failure.signal, AbortSignal.timeout(timeoutMs)])
  // What a guest writes is where the images are: QEMU keeps it in a temporary file, or the node in an overlay.
  const env = { ...engineEnvironment(), TMPDIR: directory }
  // Each guest that runs listens for the end of this process.
  process.setMaxListeners(setup.peers.length + SPARE_LISTENERS)
  const before = { links: await readLinkBytes(ground), machine: machineCpuSeconds(), reaped: reapedCpuSeconds() }
  const begin = performance.now()
  const now = () => (performance.now() - begin) / 1000
  const boots = setup.peers.map(async ({ node }) => {
    try {
      const disk = await disks.open(node, { signal })
      const openedSeconds = now()
      const { kernel, machine } = guest
      const launch = (argv: readonly string[]) => lab.host(node).exec(onGuestCores(argv), { env })
      const said = await bootToMarker({ disks: [disk], kernel, machine, launch, timeoutMs, signal })
      const upSeconds = now()
      guest.check(said)
      return { openedSeconds, upSeconds }
    } catch (error) {
      failure.abort(error)
      throw error
    }
  })
  await Promise.allSettled(boots)
  // Whoever failed first tells more than what its failure did to the others.
  failure.signal.throwIfAborted()
  const ended = await Promise.all(boots)
  const up = ended.map(({ upSeconds }) => upSeconds).sort((a, b) => a - b)
  const opened = ended.map(({ openedSeconds }) => openedSeconds).sort((a, b) => a - b)
  const busy = machineCpuSeconds() - before.machine
  const links = await readLinkBytes(ground, before.links)
  const lastSeconds = up.at(-1) ?? Number.NaN
  const ofGuests = reapedCpuSeconds() - before.reaped
  return {
    nodes: ended.length,
    firstSeconds: round(up[0]),
    medianSeconds: round(middle(up)),
    lastSeconds: round(lastSeconds),
    openedMedianSeconds: round(middle(opened)),
    openedLastSeconds: round(opened.at(-1)),
    libraryMB: round(links.library / 1e6),
    seedMB: round(links.seed / 1e6),
    nodeMB: round(links.nodes / 1e6 / ended.length),
    guestCpuSeconds: round(ofGuests / ended.length),
    machineCpuShare: round(busy / lastSeconds / cpus().length),
    facts: (await disks.facts?.()) ?? {},
  }
}

function middle(sorted: readonly number[]): number | undefined {
  return sorted[Math.floor((sorted.length - 1) / 2)]
}

function round(value = Number.NaN): number {
  return Math.round(value * 100) / 100
}
