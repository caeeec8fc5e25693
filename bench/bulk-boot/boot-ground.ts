import { execFile } from 'node:child_process'
import { readFileSync, rmSync } from 'node:fs'
import { copyFile, mkdtemp, rm, stat, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createLab } from '../../infra/lab/lab.ts'
import { writeRandomRaw } from '../../test/harness/test-images.ts'
import { atExit } from '../engines/at-exit.ts'
import { createBenchLayer } from '../engines/bench-layer.ts'
import { measureGoodput } from '../swarm/link-goodput.ts'
import { type SwarmGround, TRACKER_PORT } from '../swarm/swarm-ground.ts'
import { type BootCase, bootLabPlan, bootSetup } from './boot-case.ts'
import { type BootGuest, ensureBootGuest } from './boot-guest.ts'
import { type BootLibrary, startBootLibrary } from './boot-library.ts'

/** Copies beside those of the nodes: the images as built, the library's, the seed's layers and those being made. */
const SPARE_COPIES = 6
/** Of a node's daemon, of the seed and of the library. */
const DAEMON_BYTES = 300 * 1024 ** 2
const MEMORY = '/dev/shm'
const WARM_UP_BYTES = 4 * 1024 ** 2
const run = promisify(execFile)

/**
 * A lab with a library that has the images, for any number of boots one after the other. Its `layer` is the flat
 * image, for BitTorrent.
 */
export interface BootGround extends SwarmGround {
  readonly bootCase: BootCase
  readonly guest: BootGuest
  /** The flat image, as it is on a node that has it. */
  readonly flat: string
  readonly library: BootLibrary
  readonly images: {
    readonly base: string
    readonly flat: string
    /** Of both files. */
    readonly bytes: number
    /** A small one, of which nothing is measured. */
    readonly warmUp: string
  }
}

/** With `goodput` that is taken for what the links carry, instead of measuring it. */
export async function createBootGround(
  bootCase: BootCase,
  options: { say: (line: string) => void; goodput?: number | undefined },
): Promise<BootGround> {
  const { say } = options
  await using stack = new AsyncDisposableStack()
  const guest = await ensureBootGuest(bootCase, say)
  const parent = await parentDirectory(bootCase.nodes, guest)
  if (parent !== MEMORY) say(`memory is too small for all copies: they are in ${parent}, and its disk is measured too`)
  // Short: names of sockets below it are bounded (unix(7)).
  const directory = await mkdtemp(join(parent, 'boot-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  stack.defer(async () => {
    await rm(directory, { recursive: true, force: true })
    forget()
  })
  const [base, flat] = [join(directory, 'base.qcow2'), join(directory, 'flat.qcow2')]
  await Promise.all([copyFile(guest.base, base), copyFile(guest.flat, flat)])
  const setup = bootSetup(bootCase, guest.flatBytes)
  const lab = stack.use(await createLab(bootLabPlan(setup, bootCase)))
  const goodput = options.goodput ?? (await measureGoodput(lab, setup))
  const library = stack.use(await startBootLibrary(bootCase.library, lab, join(directory, 'library')))
  const images = {
    base: await library.addImage('base', base),
    flat: await library.addImage('flat', flat),
    bytes: (await stat(base)).size + guest.flatBytes,
    warmUp: await library.addImage('warm-up', await smallImage(directory)),
  }
  const trackers = [`http://${lab.rootAddress}:${TRACKER_PORT}/announce`]
  const layer = await createBenchLayer({ directory, sizeBytes: guest.flatBytes, trackers, from: flat })
  const kept = stack.move()
  return {
    ...{ bootCase, setup, guest, lab, layer, directory, goodput, flat, library, images },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

async function smallImage(directory: string): Promise<string> {
  const [raw, image] = [join(directory, 'warm-up.raw'), join(directory, 'warm-up.qcow2')]
  await writeRandomRaw(raw, WARM_UP_BYTES, 1)
  await run('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, image])
  await rm(raw)
  return image
}

/** Memory if all copies fit into it beside guests and daemons, so that no disk is measured; otherwise the disk. */
async function parentDirectory(nodes: number, { flatBytes, machine }: BootGuest): Promise<string> {
  const guestBytes = (machine.memoryMib + machine.codeMib) * 1024 ** 2
  const copiesBytes = (nodes + SPARE_COPIES) * flatBytes
  const { bavail, bsize } = await statfs(MEMORY)
  const fits = copiesBytes < bavail * bsize && copiesBytes + nodes * (guestBytes + DAEMON_BYTES) < availableBytes()
  return fits ? MEMORY : tmpdir()
}

/** Memory that programs can have (proc(5)). */
function availableBytes(): number {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec(readFileSync('/proc/meminfo', 'utf8'))?.[1]
  return Number(kibibytes ?? Number.NaN) * 1024
}
