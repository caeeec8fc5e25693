import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { link, mkdir, mkdtemp, rename, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLab } from '../../infra/lab/lab.ts'
import type { LabHost } from '../../infra/lab/lab-host.ts'
import { writeRandomRaw } from '../../test/harness/test-images.ts'
import { atExit } from '../engines/at-exit.ts'
import { createBenchLayer } from '../engines/bench-layer.ts'
import { measureGoodput } from '../swarm/link-goodput.ts'
import { type SwarmGround, TRACKER_PORT } from '../swarm/swarm-ground.ts'
import { startLibrary } from './lab-library.ts'
import { createPrefetchSetup, type PrefetchSize, prefetchLabPlan } from './prefetch-setup.ts'

/** Copies on every node at once: two plans compete. */
const COPIES_A_NODE = 2
/** Copies beside those: the library's images, the seed's layers and room to spare. */
const SPARE_COPIES = 12
/** Least, usual and most of a TCP connection (tcp(7), tcp_rmem). */
const RECEIVE_BUFFER_BYTES = [4096, 65_536, 131_072] as const
const BASELINE_IMAGE = 'baseline'
/** Numbers below are of other makers of such bytes. */
const FIRST_IMAGE = 100

/** A lab with a library that serves, for any number of runs one after the other. */
export interface PrefetchGround extends SwarmGround {
  readonly size: PrefetchSize
  readonly library: {
    readonly url: string
    /** Puts a new image into the library's directory: bytes that do not compress, and of which no other image has any. */
    addImage(name: string, sizeBytes?: number): Promise<void>
    /** Takes it out again. */
    removeImage(name: string): Promise<void>
    /** Where the image that the baselines distribute is read. */
    readonly baselineUrl: string
  }
}

export async function createPrefetchGround(size: PrefetchSize): Promise<PrefetchGround> {
  await using stack = new AsyncDisposableStack()
  const setup = createPrefetchSetup(size)
  const parent = await parentDirectory((size.nodes * COPIES_A_NODE + SPARE_COPIES) * setup.sizeBytes)
  const directory = await mkdtemp(join(parent, 'shoal-prefetch-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  stack.defer(async () => {
    await rm(directory, { recursive: true, force: true })
    forget()
  })
  const lab = stack.use(await createLab(prefetchLabPlan(setup, size)))
  const trackers = [`http://${lab.rootAddress}:${TRACKER_PORT}/announce`]
  const layer = await createBenchLayer({ directory, sizeBytes: setup.sizeBytes, trackers })
  const images = join(directory, 'images')
  await mkdir(images)
  await link(layer.file, join(images, `${BASELINE_IMAGE}.raw`))
  const goodput = await measureGoodput(lab, setup)
  await boundReceiveBuffer(lab.host('seed'))
  const library = stack.use(await startLibrary(lab.host('library'), images))
  let written = FIRST_IMAGE
  const kept = stack.move()
  return {
    ...{ size, setup, lab, layer, directory, goodput },
    library: {
      url: library.url,
      baselineUrl: await library.imageUrl(BASELINE_IMAGE),
      async addImage(name, sizeBytes = setup.sizeBytes) {
        written += 1
        const file = join(directory, `${name}.raw`)
        await writeRandomRaw(file, sizeBytes, written)
        // Only now: the library shows what is in its directory, also half of a file.
        await rename(file, join(images, `${name}.raw`))
      },
      removeImage: (name) => rm(join(images, `${name}.raw`), { force: true }),
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/**
 * What a kernel takes in for a program that reads slowly is a matter of MiB, which at the rates of this lab is seconds of the ingest limit: it is
 * made smaller in proportion to the rates.
 */
async function boundReceiveBuffer(host: LabHost): Promise<void> {
  const command = `echo ${RECEIVE_BUFFER_BYTES.join(' ')} > /proc/sys/net/ipv4/tcp_rmem`
  const [code] = await once(host.exec(['sh', '-c', command]), 'exit')
  if (code !== 0) throw new Error(`the receive buffers of ${host.name} cannot be set`)
}

/** Memory if all copies fit twice over, so that no disk is measured; otherwise the disk. */
async function parentDirectory(neededBytes: number): Promise<string> {
  const memory = '/dev/shm'
  const { bavail, bsize } = await statfs(memory)
  return bavail * bsize > 2 * neededBytes ? memory : tmpdir()
}
