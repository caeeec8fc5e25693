import type { Client } from '@shoal/api'
import { errorCode, type Logger, ShoalError } from '@shoal/core'

/** What a peer asks of the seed. */
export type SeedApi = Pick<
  Client,
  | 'registerNode'
  | 'heartbeat'
  | 'desiredState'
  | 'watchDesired'
  | 'getManifest'
  | 'getTorrent'
  | 'getGrant'
  | 'wantBoot'
  | 'endBoot'
  | 'wantFile'
  | 'recordBoot'
  | 'getBootProfile'
  | 'renewCredential'
  | 'listRevocations'
  | 'listKeys'
>

const NO_ANSWER: ReadonlySet<string> = new Set([
  'SHOAL_API_UNREACHABLE',
  'SHOAL_API_TIMEOUT',
  'SHOAL_API_PROTOCOL',
  'SHOAL_API_STREAM_CUT',
])

/** Whether an error says that the seed is away rather than that it refuses. */
export function isNoAnswer(error: unknown): boolean {
  return NO_ANSWER.has(errorCode(error) ?? '')
}

/** All requests to the seed go through here, so that one place knows, and says once, whether it answers. */
export class SeedLink {
  readonly #deps: { readonly client: SeedApi; readonly logger: Logger }
  readonly #url: string
  readonly #onReturn: (() => void)[] = []
  #isReachable: boolean | undefined

  constructor(deps: { client: SeedApi; logger: Logger }, options: { url: string }) {
    this.#deps = deps
    this.#url = options.url
  }

  /** Whether the last request was answered, be it with an error. */
  get isReachable(): boolean {
    return this.#isReachable === true
  }

  /** Adds a listener for the seed's return after it did not answer. */
  onReturn(listener: () => void): void {
    this.#onReturn.push(listener)
  }

  /** Makes one request; its error is passed on. */
  async call<T>(request: (client: SeedApi) => Promise<T>): Promise<T> {
    try {
      const answer = await request(this.#deps.client)
      this.#note(true)
      return answer
    } catch (error) {
      if (isNoAnswer(error)) this.#note(false, error)
      else if (error instanceof ShoalError) this.#note(true)
      throw error
    }
  }

  /** Opens the stream of revisions of a node's desired state. */
  watchDesired(node: string, { signal }: { signal: AbortSignal }): ReturnType<SeedApi['watchDesired']> {
    return this.#deps.client.watchDesired({ params: { node }, signal })
  }

  #note(isReachable: boolean, error?: unknown): void {
    const before = this.#isReachable
    this.#isReachable = isReachable
    if (isReachable === before) return
    const { logger } = this.#deps
    if (!isReachable) {
      logger.warn({ url: this.#url, code: errorCode(error), error }, 'seed does not answer; going on without it')
    } else if (before === false) {
      logger.info({ url: this.#url }, 'seed answers again')
      for (const listener of this.#onReturn) listener()
    }
  }
}
