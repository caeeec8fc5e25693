import type { BootChain } from '@shoal/api'
import { type Clock, errorCode, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import { Alarm } from '../alarm.ts'
import { jittered } from '../back-off.ts'
import { isNoAnswer, type SeedLink } from '../seed-link.ts'
import type { ProfileHits } from './profile-hits.ts'

/** The seed is told again now and then: it may have been restored from a backup, or somebody took the layers back. */
const RENEW_MS = 10 * 60_000
/** So long its answer is that to all who ask: several machines boot one image. */
const FRESH_MS = 250
/** After a failure to tell it. */
const RETRY_MS = 30_000
/** Images whose layers are remembered beyond those in use, for a boot while the seed is away. */
const MAX_KNOWN = 1000
const PREFIX = 'peer/boot-image/'

/** An image and what the seed said of it last. */
interface KnownImage {
  readonly image: string
  readonly chain: BootChain | null
  /** The seed may have it that this node boots the image. */
  readonly isTold: boolean
}

export interface BootWantsDeps {
  readonly state: StateStore
  readonly seed: Pick<SeedLink, 'call'>
  /** Images that are booted now. */
  readonly wanted: () => ReadonlySet<string>
  /** What is told the seed of the profiles of images. */
  readonly hits: Pick<ProfileHits, 'take'>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
}

export interface AskOptions {
  readonly signal: AbortSignal
  readonly timeoutMs?: number | undefined
  readonly records?: boolean | undefined
  /** Keystone token of the tenant for whom it is asked. */
  readonly tenantToken?: string | undefined
}

/**
 * What the seed knows of the images that this node boots. It is asked when a boot is prepared, told again now and then,
 * and told when one is booted no more: until it has answered, also after a restart. Requests about one image go one
 * after the other.
 */
export class BootWants {
  readonly #deps: BootWantsDeps
  readonly #node: string
  readonly #known = new Map<string, KnownImage>()
  readonly #last = new Map<string, { readonly chain: BootChain; readonly records: boolean; readonly at: number }>()
  readonly #turns = new Map<string, Promise<unknown>>()
  readonly #alarm: Alarm

  constructor(deps: BootWantsDeps, options: { node: string }) {
    this.#deps = deps
    this.#node = options.node
    this.#alarm = new Alarm(deps.clock)
  }

  async open(): Promise<void> {
    for await (const { value } of this.#deps.state.range<KnownImage>({ prefix: PREFIX }))
      this.#known.set(value.image, value)
  }

  /** What the seed said of an image when its layers were ready. */
  known(image: string): BootChain | undefined {
    return this.#known.get(image)?.chain ?? undefined
  }

  /**
   * Asks the seed for an image's layers, which assigns them to this node. `records`: whether a machine is about to boot
   * and this node would record that. Throws what the seed answers.
   */
  ask(image: string, options: AskOptions): Promise<BootChain> {
    return this.#inTurn(image, async () => {
      const { signal, timeoutMs, records = false, tenantToken } = options
      const last = this.#last.get(image)
      const ageMs = this.#deps.clock.elapsed() - (last?.at ?? 0)
      if (last !== undefined && last.records === records && ageMs < FRESH_MS) return last.chain
      // First, so that it is taken back whatever happens next.
      if (this.#known.get(image)?.isTold !== true) {
        await this.#save({ image, chain: this.known(image) ?? null, isTold: true })
      }
      const foretold = this.#deps.hits.take(image)
      const call = {
        params: { node: this.#node, image },
        headers: tenantToken === undefined ? {} : { 'x-shoal-tenant-token': tenantToken },
        query: { records, ...(foretold === undefined ? {} : { foretold }) },
        ...{ signal, ...(timeoutMs === undefined ? {} : { timeoutMs }) },
      }
      const chain = await this.#deps.seed.call((client) => client.wantBoot(call))
      const isNew = JSON.stringify(chain) !== JSON.stringify(this.known(image))
      this.#last.set(image, { chain, records, at: this.#deps.clock.elapsed() })
      if (chain.state === 'ready' && isNew) await this.#save({ image, chain, isTold: true })
      return chain
    })
  }

  /** Something that is booted has changed, or the seed is back. */
  notice(): void {
    this.#alarm.ring()
  }

  /** Keeps the seed told until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, random } = this.#deps
    let renewAt = Number.NEGATIVE_INFINITY
    while (!signal.aborted) {
      const isDue = clock.elapsed() >= renewAt
      const isTold = await this.#tellAll({ isDue, signal })
      if (isDue && isTold) renewAt = clock.elapsed() + jittered(RENEW_MS, random)
      await this.#alarm.wait(isTold ? Math.max(0, renewAt - clock.elapsed()) : RETRY_MS, { signal })
    }
  }

  /** Whether the seed has answered to all of it. */
  async #tellAll({ isDue, signal }: { isDue: boolean; signal: AbortSignal }): Promise<boolean> {
    const wanted = this.#deps.wanted()
    const over = [...this.#known.values()].filter(({ image, isTold }) => isTold && !wanted.has(image))
    let isTold = true
    for (const { image } of over) isTold = (await this.#tell(() => this.#end(image, signal), signal)) && isTold
    for (const image of isDue ? wanted : [])
      isTold = (await this.#tell(() => this.ask(image, { signal }), signal)) && isTold
    return isTold
  }

  #end(image: string, signal: AbortSignal): Promise<void> {
    return this.#inTurn(image, async () => {
      // It may have been asked for again meanwhile.
      if (this.#deps.wanted().has(image)) return
      this.#last.delete(image)
      await this.#deps.seed.call((client) => client.endBoot({ params: { node: this.#node, image }, signal }))
      await this.#save({ image, chain: this.known(image) ?? null, isTold: false })
    })
  }

  /** Whether the seed has answered, be it with a refusal. */
  async #tell(tell: () => Promise<unknown>, signal: AbortSignal): Promise<boolean> {
    try {
      await tell()
      return true
    } catch (error) {
      const code = errorCode(error)
      if (signal.aborted || isNoAnswer(error) || code === 'SHOAL_NODE_UNKNOWN') return false
      this.#deps.logger.info({ code, error }, 'the seed does not take what this node boots; asking again later')
      return true
    }
  }

  async #save(known: KnownImage): Promise<void> {
    // Behind all others: the first one was used least recently.
    this.#known.delete(known.image)
    this.#known.set(known.image, known)
    await this.#deps.state.put(PREFIX + known.image, known)
    for (const { image, isTold } of this.#known.values()) {
      if (this.#known.size <= MAX_KNOWN) return
      if (isTold) continue
      this.#known.delete(image)
      await this.#deps.state.delete(PREFIX + image)
    }
  }

  #inTurn<T>(image: string, request: () => Promise<T>): Promise<T> {
    const turn = (this.#turns.get(image) ?? Promise.resolve()).then(request)
    const settled = turn.then(
      () => {},
      () => {},
    )
    this.#turns.set(image, settled)
    void settled.then(() => {
      if (this.#turns.get(image) === settled) this.#turns.delete(image)
    })
    return turn
  }
}
