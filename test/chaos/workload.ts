import { rm, stat } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { seededRandom } from '@shoal/core'
import { planWhen, startPlan } from '../harness/prefetch.ts'
import { until } from '../harness/until.ts'
import type { ChaosGround } from './chaos-ground.ts'
import { makeImage } from './chaos-images.ts'
import { type ReadTally, readDisk, sumOfTallies } from './disk-reader.ts'

/** Images that the cloud has at once; the oldest but the base is deleted when there is another. */
const KEPT_IMAGES = 4
const READERS_AN_IMAGE = 2
const PLAN_DONE_MS = 180_000
/** A disk is read to its end once more within that time. */
const READ_AGAIN_MS = 120_000
/** A seed that was killed is back within that time, with a plan or without. */
const TRY_MS = 60_000

/** One image on its way to all nodes. */
export interface Distribution {
  readonly image: string
  readonly sizeBytes: number
  readonly plan: string
  /** Of each of those who read it all the time. */
  readonly reads: readonly ReadTally[]
}

/** What a cloud does meanwhile: new images are uploaded and planned for all nodes, machines read them, old ones are deleted. */
export class Workload {
  /** Images that are still there. */
  readonly current: Distribution[] = []
  /** All that there ever were. */
  readonly all: Distribution[] = []
  readonly #ground: ChaosGround
  readonly #random: () => number
  readonly #stop = new Map<string, AbortController>()
  readonly #readers: Promise<void>[] = []

  constructor(ground: ChaosGround, seed: number) {
    this.#ground = ground
    this.#random = seededRandom(seed)
  }

  /** What all have read. */
  get reads(): ReadTally {
    return sumOfTallies(this.all.flatMap(({ reads }) => reads))
  }

  /** Adds an image every so often until the signal; the first one, the base, at once. */
  async run(everyMs: number, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.add()
      await sleep(everyMs, undefined, { signal }).catch(() => {})
    }
  }

  /** Uploads the next image, plans it for every node and lets machines read it. */
  async add(): Promise<void> {
    const { openstack, cluster, directory, nodes } = this.#ground
    const { file, name, diskFormat, sha256 } = await makeImage(directory, this.all.length)
    const { size } = await stat(file)
    const image = await openstack.uploadImageFast({ name, file, diskFormat })
    await rm(file)
    // The seed may be down, or not have seen the image yet: whoever calls the API tries again.
    const plan = await until(`a plan for ${name}`, () => startPlan(cluster, { images: [{ image, all: true }] }), {
      timeoutMs: TRY_MS,
      everyMs: 500,
    })
    const stop = new AbortController()
    this.#stop.set(image, stop)
    const reads = Array.from({ length: READERS_AN_IMAGE }, () => ({ right: 0, wrong: 0, broken: 0 }))
    for (const [n, tally] of reads.entries()) {
      const node = nodes[Math.floor(this.#random() * nodes.length)] ?? ''
      const what = { node, image, boot: `${name}-vm${n}`, sha256 }
      this.#readers.push(readDisk(this.#ground, what, tally, stop.signal))
    }
    const distribution = { image, sizeBytes: size, plan, reads }
    this.all.push(distribution)
    this.current.push(distribution)
    if (this.current.length > KEPT_IMAGES) await this.#delete(this.current.splice(1, 1)[0])
  }

  /** Waits until every image that is still there is on every node, whole, and has been read to its end once more by all who read it. */
  async settle(): Promise<void> {
    const { cluster, nodes } = this.#ground
    for (const { plan } of this.current) await planWhen(cluster, plan, 'done', PLAN_DONE_MS)
    for (const { image } of this.current) {
      const { chain } = await cluster.client.showImage({ params: { image } })
      for (const layer of chain) await cluster.complete(layer, [...nodes], PLAN_DONE_MS)
    }
    const before = this.current.map(({ reads }) => reads.map(({ right }) => right))
    const haveRead = async () =>
      this.current.every(({ reads }, i) => reads.every(({ right }, j) => right > (before[i]?.[j] ?? 0)))
    await until('every disk is read once more', haveRead, { timeoutMs: READ_AGAIN_MS })
  }

  async stop(): Promise<void> {
    for (const stop of this.#stop.values()) stop.abort()
    await Promise.all(this.#readers)
  }

  async #delete(distribution: Distribution | undefined): Promise<void> {
    if (distribution === undefined) return
    this.#stop.get(distribution.image)?.abort()
    await this.#ground.openstack.deleteImage(distribution.image)
  }
}
