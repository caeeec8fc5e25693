import { rmSync } from 'node:fs'
import { mkdtemp, rm, statfs } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLab, type Lab } from '../../infra/lab/lab.ts'
import { atExit } from '../engines/at-exit.ts'
import { type BenchLayer, createBenchLayer } from '../engines/bench-layer.ts'
import { measureGoodput } from './link-goodput.ts'
import { labPlanOf, type SwarmSetup } from './swarm-setup.ts'

export const TRACKER_PORT = 6969
/** Copies beside those of the peers: the layer itself and room to spare. */
const SPARE_COPIES = 2

/** A lab of shaped links and a layer, for any number of runs one after the other. */
export interface SwarmGround extends AsyncDisposable {
  readonly setup: SwarmSetup
  readonly lab: Lab
  readonly layer: BenchLayer
  readonly directory: string
  /** Payload over bytes of the wire on these links, measured. */
  readonly goodput: number
}

/** With `goodput`, what another lab of this run measured on such links is taken for it. */
export async function createSwarmGround(
  setup: SwarmSetup,
  options: { goodput?: number | undefined } = {},
): Promise<SwarmGround> {
  await using stack = new AsyncDisposableStack()
  const parent = await parentDirectory((setup.peers.length + SPARE_COPIES) * setup.sizeBytes)
  const directory = await mkdtemp(join(parent, 'shoal-swarm-'))
  const forget = atExit(() => rmSync(directory, { recursive: true, force: true }))
  stack.defer(async () => {
    await rm(directory, { recursive: true, force: true })
    forget()
  })
  const lab = stack.use(await createLab(labPlanOf(setup)))
  const trackers = [`http://${lab.rootAddress}:${TRACKER_PORT}/announce`]
  const layer = await createBenchLayer({ directory, sizeBytes: setup.sizeBytes, trackers })
  const goodput = options.goodput ?? (await measureGoodput(lab, setup))
  const kept = stack.move()
  return { setup, lab, layer, directory, goodput, [Symbol.asyncDispose]: () => kept.disposeAsync() }
}

/** Memory if all copies fit twice over, so that no disk is measured; otherwise the disk. */
async function parentDirectory(neededBytes: number): Promise<string> {
  const memory = '/dev/shm'
  const { bavail, bsize } = await statfs(memory)
  return bavail * bsize > 2 * neededBytes ? memory : tmpdir()
}
