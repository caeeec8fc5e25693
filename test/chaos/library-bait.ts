import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeRandomRaw } from '../harness/test-images.ts'
import { until } from '../harness/until.ts'
import type { ChaosGround } from './chaos-ground.ts'

/** More than {@link startFaultyGlance} lets through before it breaks a download. */
const SIZE_BYTES = 5 * 1024 ** 2
const KNOWN_MS = 20_000
/** Images of the workload have smaller ones. */
const FIRST_CONTENT = 128
const CONTENTS = 120

/** So many are kept; older ones are deleted. */
const KEPT = 10

/** Small images of nobody's, so that something is read or moved while that is spoilt. */
export class LibraryBait {
  /** Those that are there. */
  readonly #images: string[] = []
  readonly #demands: Promise<void>[] = []
  /** How many there were. */
  count = 0

  /** Uploads one and waits until the seed knows of it; nothing is read yet. */
  async lay({ directory, openstack, cluster }: Omit<ChaosGround, 'bait'>): Promise<string> {
    const number = this.count
    this.count += 1
    const file = join(directory, `bait${number}.raw`)
    await writeRandomRaw(file, SIZE_BYTES, FIRST_CONTENT + (number % CONTENTS))
    const image = await openstack.uploadImageFast({ name: `bait${number}`, file, diskFormat: 'raw' })
    await rm(file)
    this.#images.push(image)
    if (this.#images.length > KEPT) await openstack.deleteImage(this.#images.shift() ?? '')
    const isKnown = async () => (await cluster.client.listImages()).images.some(({ id }) => id === image)
    await until('the seed knows of another image', isKnown, { timeoutMs: KNOWN_MS }).catch(() => {})
    return image
  }

  /** Uploads one and has it fetched by nodes, meanwhile; with a seed that is down nothing comes of it. */
  demand(ground: Omit<ChaosGround, 'bait'>, nodes: readonly string[]): void {
    this.#demands.push(this.#spread(ground, nodes).catch(() => {}))
  }

  /** Every one of them is read in the end, however often that was spoilt. */
  async settle({ cluster }: Pick<ChaosGround, 'cluster'>, timeoutMs: number): Promise<void> {
    await Promise.all(this.#demands)
    for (const image of this.#images) {
      // Whoever asked when neither seed nor library answered asks again.
      const { import: asked } = await cluster.client.showImage({ params: { image } })
      if (asked === null) await cluster.client.importImage({ params: { image } })
      const { import: last } = await cluster.imported(image, timeoutMs)
      if (last?.state !== 'published') throw new Error(`image ${image} was not imported: ${JSON.stringify(last)}`)
    }
  }

  async #spread(ground: Omit<ChaosGround, 'bait'>, nodes: readonly string[]): Promise<void> {
    const { cluster } = ground
    const { layer } = await cluster.import(await this.lay(ground), KNOWN_MS)
    if (layer !== null) await cluster.assign(layer, nodes)
  }
}
