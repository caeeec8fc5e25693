import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Clock } from '@shoal/core'
import { seedError } from '../errors.ts'
import { loopTurns } from './loop-turns.ts'
import type { SnapshotBody, SnapshotMaker } from './snapshot-maker.ts'

/** A snapshot as it is sent. */
export interface SchedulerSnapshot {
  /** With its quotes. */
  readonly etag: string
  readonly json: Buffer
  readonly gzip: Buffer
}

/** For so long one computation serves all readers; longer when it takes long, so that it never takes more than a tenth. */
const FRESH_MS = 1000
const REST_PER_WORK = 9
const FORMAT = 'shoal-scheduler-snapshot'
const FORMAT_VERSION = 1

const compress = promisify(gzip)

/** The snapshot for schedulers (docs/formats/scheduler-snapshot.md), worked out when somebody asks and the last is old. */
export class SchedulerSnapshots {
  readonly #deps: { maker: Pick<SnapshotMaker, 'make'>; clock: Pick<Clock, 'now'>; wallClock: Pick<Clock, 'now'> }
  #last: SchedulerSnapshot | undefined
  #freshUntil = Number.NEGATIVE_INFINITY
  #making: Promise<SchedulerSnapshot> | undefined

  /** `clock` only goes forward. */
  constructor(deps: {
    maker: Pick<SnapshotMaker, 'make'>
    clock: Pick<Clock, 'now'>
    wallClock: Pick<Clock, 'now'>
  }) {
    this.#deps = deps
  }

  /** The last one, or a new one. Throws `SHOAL_PLACEMENT_NO_REPORTS`. */
  current(): Promise<SchedulerSnapshot> {
    if (this.#last !== undefined && this.#deps.clock.now() < this.#freshUntil) return Promise.resolve(this.#last)
    this.#making ??= this.#make().finally(() => {
      this.#making = undefined
    })
    return this.#making
  }

  async #make(): Promise<SchedulerSnapshot> {
    const { maker, clock } = this.#deps
    const begin = clock.now()
    const body = await maker.make()
    if (body === undefined) {
      this.#last = undefined
      throw seedError('SHOAL_PLACEMENT_NO_REPORTS')
    }
    const etag = await etagOf(body)
    const snapshot = this.#last?.etag === etag ? this.#last : await this.#encode(body, etag)
    this.#last = snapshot
    this.#freshUntil = clock.now() + Math.max(FRESH_MS, REST_PER_WORK * (clock.now() - begin))
    return snapshot
  }

  async #encode({ nodes, images }: SnapshotBody, etag: string): Promise<SchedulerSnapshot> {
    const generatedAt = new Date(this.#deps.wallClock.now()).toISOString()
    const head = JSON.stringify({ format: FORMAT, version: FORMAT_VERSION, generatedAt }).slice(0, -1)
    const json = Buffer.from(`${head},"nodes":${nodes},"otherScore":0,"images":{${images.join(',')}}}`)
    return { etag, json, gzip: await compress(json, { level: 1 }) }
  }
}

async function etagOf({ nodes, images }: SnapshotBody): Promise<string> {
  const turn = loopTurns()
  const hash = createHash('sha256').update(nodes)
  for (const image of images) {
    hash.update(image)
    await turn()
  }
  return `"${hash.digest('base64url').slice(0, 22)}"`
}
