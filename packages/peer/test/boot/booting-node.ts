import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Boot, BootChain } from '@shoal/api'
import { type Digest, errorFactory, type ShoalError, silentLogger, systemClock } from '@shoal/core'
import { createMemoryLayerStore, type LayerStore } from '@shoal/layer-store'
import { createMemoryState } from '@shoal/state'
import { BootOverlays } from '../../src/boot/boot-overlay.ts'
import { BootRecords } from '../../src/boot/boot-record.ts'
import { Boots } from '../../src/boot/boots.ts'
import { Notice } from '../../src/boot/boots-notice.ts'
import {
  type BlockServer,
  type BootCompanions,
  NO_READS,
  type OpenBoot,
  type ServedBoot,
} from '../../src/boot/boots-ports.ts'
import { BootWants } from '../../src/boot/boots-wants.ts'
import { ProfileHits } from '../../src/boot/profile-hits.ts'
import { LayerHolds } from '../../src/layer-holds.ts'
import type { SeedApi } from '../../src/seed-link.ts'
import { fakeSeed } from '../fake-seed.ts'
import type { LayerFixture } from '../layer-fixture.ts'
import { eventually } from '../peer-fixture.ts'

/** Longer than a boot takes to be ready on a busy machine. */
const ANSWER_MS = 20_000
/** For tests that look at boots before they are ready. */
export const soon = { answerMs: 20 } as const

export const seedError = errorFactory({
  SHOAL_API_UNREACHABLE: { message: 'm', hint: 'h' },
  SHOAL_ACCESS_GLANCE: { message: 'm', hint: 'h' },
  SHOAL_IMAGE_DEACTIVATED: { message: 'm', hint: 'h' },
  SHOAL_IMAGE_NO_PURPOSE: { message: 'm', hint: 'h' },
  SHOAL_IMPORT_QUEUE_FULL: { message: 'm', hint: 'h' },
  SHOAL_LAYER_UNKNOWN: { message: 'm', hint: 'h' },
  SHOAL_QCOW2_HEADER: { message: 'm', hint: 'h' },
  SHOAL_NODE_UNKNOWN: { message: 'm', hint: 'h' },
})

/** What a seed answers about an image of these layers, the base first. */
export function chainOf(image: string, layers: readonly LayerFixture[], change: Partial<BootChain> = {}): BootChain {
  return {
    ...{ image, state: 'ready', wantsRecordings: false, profileRevision: 0 },
    layers: layers.map(({ manifest: { digest, sizeBytes } }) => ({ layer: digest, sizeBytes, bootBytes: 0 })),
    virtualSizeBytes: layers.at(-1)?.manifest.virtualSizeBytes ?? 0,
    ...change,
  }
}

/** A server that opens nothing but says so; `fault` is thrown instead. */
export class StandInServer implements BlockServer {
  readonly served = new Map<string, ServedBoot>()
  readonly opened: string[] = []
  fault: Error | undefined
  #real: BlockServer | undefined

  /** Has disks served by a real one. */
  use(real: BlockServer): void {
    this.#real = real
  }

  async open(boot: ServedBoot, options: { signal: AbortSignal }): Promise<OpenBoot> {
    this.opened.push(boot.name)
    if (this.fault !== undefined) throw this.fault
    this.served.set(boot.name, boot)
    const close = async () => void this.served.delete(boot.name)
    const standIn = { socket: `/run/shoal/${boot.name}.sock`, reads: () => NO_READS, close }
    return (await this.#real?.open(boot, options)) ?? standIn
  }
}

/** What boots on a node: a store in memory, a seed and a server that obey. What is durable survives `restart`. */
export async function bootingNode(options: { recordings?: boolean; answerMs?: number; store?: LayerStore } = {}) {
  const { recordings = true, answerMs = ANSWER_MS, store = createMemoryLayerStore() } = options
  const directory = await mkdtemp(join(tmpdir(), 'shoal-boot-'))
  const state = createMemoryState()
  if (options.store === undefined) await store.open()
  const server = new StandInServer()
  const told: string[] = []
  /** Images whose boots were offered to be recorded. */
  const offered: string[] = []
  /** With which tenant's token each question was asked. */
  const tenantTokens: (string | undefined)[] = []
  /** By image: what the seed answers. */
  const chains = new Map<string, BootChain | ShoalError>()
  const withdrawn = new Set<Digest>()
  const failures = new Map<Digest, ShoalError>()
  const used: Digest[] = []
  const needs: { layers: readonly Digest[] } = { layers: [] }
  const recorded = new Set<string>()
  const prefetched: string[] = []
  const companions: BootCompanions = {
    prefetch: (image) => {
      prefetched.push(image)
      return () => prefetched.splice(prefetched.indexOf(image), 1)
    },
    record: ({ name }) => void recorded.add(name),
    isRecording: (name) => recorded.has(name),
    ended: (name) => void recorded.delete(name),
  }
  let unknown = 0
  const seed: Partial<SeedApi> = {
    wantBoot: async ({ params: { image }, headers, query }) => {
      told.push(`want ${image}`)
      tenantTokens.push(headers?.['x-shoal-tenant-token'])
      if (query?.records === true) offered.push(image)
      const answer = chains.get(image) ?? seedError('SHOAL_API_UNREACHABLE')
      if (answer instanceof Error) throw answer
      return answer
    },
    endBoot: async ({ params: { image } }) => {
      if (chains.get(image) === undefined) throw seedError('SHOAL_API_UNREACHABLE')
      told.push(`end ${image}`)
      return undefined
    },
  }
  const open = async () => {
    const clock = systemClock
    const [holds, notice, stop] = [new LayerHolds(), new Notice(clock), new AbortController()]
    const shared = { state, clock, random: () => 0, logger: silentLogger }
    const [wanted, hits] = [() => boots.images(), new ProfileHits()]
    const wants = new BootWants({ ...shared, seed: fakeSeed(seed), wanted, hits }, { node: 'node-1' })
    const overlays = new BootOverlays({ state }, { directory: join(directory, 'overlays') })
    const boots = new Boots(
      {
        ...{ ...shared, store, holds, wants, overlays, server, notice, companions },
        records: new BootRecords(state),
        isWithdrawn: (digest) => withdrawn.has(digest),
        failureOf: (digest) => failures.get(digest),
        onUnknown: () => {
          unknown += 1
        },
        onUse: ({ manifest }) => used.push(manifest.digest),
        onNeeds: () => {
          needs.layers = [...boots.layers()]
          wants.notice()
        },
      },
      { recordings, answerMs },
    )
    await overlays.open()
    await wants.open()
    await boots.open()
    const telling = wants.run(stop).catch(() => {})
    const end = async () => {
      stop.abort()
      await boots[Symbol.asyncDispose]()
      await telling
    }
    return { boots, holds, notice, wants, overlays, end }
  }
  let running = await open()
  const show = (name: string): Boot => running.boots.show(name)
  return {
    ...{
      directory,
      state,
      store,
      server,
      told,
      offered,
      tenantTokens,
      chains,
      withdrawn,
      failures,
      used,
      needs,
      recorded,
      prefetched,
      show,
    },
    get boots() {
      return running.boots
    },
    get holds() {
      return running.holds
    },
    get wants() {
      return running.wants
    },
    get notice() {
      return running.notice
    },
    /** How often the seed was said not to know this node. */
    get unknown() {
      return unknown
    },
    /** A restart of the daemon. Nothing is told to the server: a kill looks like that. */
    restart: async (meanwhile: () => unknown = () => {}) => {
      await running.end()
      server.served.clear()
      recorded.clear()
      prefetched.splice(0)
      server.opened.splice(0)
      await meanwhile()
      running = await open()
    },
    /** Puts what describes layers into the store, as the reconciler does. */
    describe: async (...layers: LayerFixture[]) => {
      for (const layer of layers) await store.create(layer)
      running.notice.ring()
    },
    complete: async (...layers: LayerFixture[]) => {
      for (const { manifest, data } of layers) await store.get(manifest.digest)?.writeBlocks(0, data)
      running.notice.ring()
    },
    reached: (name: string, condition: (boot: Boot) => boolean): Promise<Boot> =>
      eventually(() => [show(name)].find(condition), { what: `${name} gets there: ${JSON.stringify(show(name))}` }),
    [Symbol.asyncDispose]: async () => {
      await running.end()
      if (options.store === undefined) await store.close()
      await rm(directory, { recursive: true, force: true })
    },
  }
}
