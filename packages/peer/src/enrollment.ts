import type { Enrollment, NodeRegistration } from '@shoal/api'
import { type Clock, errorCode, errorMessage, type Logger, type ShoalError } from '@shoal/core'
import { Alarm } from './alarm.ts'
import { backOffMs, jittered } from './back-off.ts'
import { peerError } from './errors.ts'
import type { KeyTrust } from './key-trust.ts'
import type { PeerRecords } from './peer-records.ts'
import { isNoAnswer, type SeedLink } from './seed-link.ts'

/** Registration is repeated now and then: it brings fresh DHT nodes and a fresh look at reachability. */
const REFRESH_MS = 10 * 60_000
/** Sooner while other nodes cannot reach this one: the operator is at work on it. */
const REFRESH_UNREACHABLE_MS = 60_000
/** The seed tries to connect to this node before it answers. */
const TIMEOUT_MS = 30_000
/** Plans count on what a node said it has room for: it says so anew when that is more than a sixteenth off. */
const CAPACITY_SHARE = 1 / 16
const RETRY = { firstMs: 1000, lastMs: 30_000 }
const REFUSALS: ReadonlySet<string> = new Set(['SHOAL_HTTP_UNAUTHORIZED', 'SHOAL_HTTP_FORBIDDEN'])
const CREDENTIAL_REFUSALS: ReadonlySet<string> = new Set([
  ...REFUSALS,
  'SHOAL_HTTP_OTHER_NODE',
  'SHOAL_TRUST_UNKNOWN_AUTHORITY',
  'SHOAL_TRUST_EXPIRED',
  'SHOAL_TRUST_REVOKED',
  'SHOAL_TRUST_NAME',
  'SHOAL_TRUST_MALFORMED',
])

export interface EnrollmentDeps {
  readonly seed: SeedLink
  readonly records: Pick<PeerRecords, 'enrollment' | 'saveEnrollment'>
  readonly trust: Pick<KeyTrust, 'show'>
  readonly clock: Clock
  readonly random: () => number
  readonly logger: Logger
  /** Takes what the seed said: trackers, DHT nodes, origin. */
  readonly apply: (enrollment: Enrollment) => void
  /** The seed refuses the token and has never accepted it in this run: a fault of configuration. */
  readonly onRefused: (error: ShoalError) => void
}

export interface EnrollmentOptions {
  readonly node: string
  readonly seedUrl: string
  readonly tokenFile: string | null
  /** Whether this node shows a certificate; otherwise it sends a token, or nothing. */
  readonly hasCertificate: boolean
  readonly registration: () => Promise<NodeRegistration>
}

/** This node's standing with the seed: registers, registers anew when that is called for, and remembers the answer. */
export class EnrollmentKeeper {
  readonly #deps: EnrollmentDeps
  readonly #options: EnrollmentOptions
  readonly #alarm: Alarm
  readonly #registered = Promise.withResolvers<void>()
  #current: Enrollment | undefined
  #isRegistered = false
  #lastReachability = ''
  #toldCapacityBytes: number | undefined

  constructor(deps: EnrollmentDeps, options: EnrollmentOptions) {
    this.#deps = deps
    this.#options = options
    this.#alarm = new Alarm(deps.clock)
    deps.seed.onReturn(() => this.#alarm.ring())
  }

  /** What the seed said last, in this run or an earlier one. */
  get current(): Enrollment | undefined {
    return this.#current
  }

  /** Whether the seed has accepted the registration in this run. */
  get isRegistered(): boolean {
    return this.#isRegistered
  }

  /** Resolves once the seed has accepted the registration in this run. */
  async whenRegistered({ signal }: { signal: AbortSignal }): Promise<void> {
    signal.throwIfAborted()
    const aborted = new Promise<never>((_, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    })
    await Promise.race([this.#registered.promise, aborted])
  }

  /** Reads what an earlier run was told, so that this one goes on with the seed dead. */
  async open(): Promise<void> {
    this.#current = await this.#deps.records.enrollment()
  }

  /** Asks for a new registration soon: the seed does not know this node, or what it knows is not so any more. */
  request(): void {
    this.#alarm.ring()
  }

  /** How much room there is for layers now: the seed is told soon when it goes by a very different number. */
  noteCapacity(bytes: number): void {
    const told = this.#toldCapacityBytes
    if (told !== undefined && Math.abs(bytes - told) > Math.max(bytes, told) * CAPACITY_SHARE) this.request()
  }

  /** Registers once. Throws `SHOAL_PEER_TOKEN_REFUSED`, `SHOAL_PEER_CREDENTIAL_REFUSED` and the client's errors. */
  async register({ signal, timeoutMs = TIMEOUT_MS }: { signal: AbortSignal; timeoutMs?: number }): Promise<void> {
    const { seed, records, trust } = this.#deps
    const { node } = this.#options
    const body = await this.#options.registration()
    let enrollment: Enrollment
    try {
      enrollment = await seed.call((client) => client.registerNode({ params: { node }, body, signal, timeoutMs }))
    } catch (error) {
      const { seedUrl: url, tokenFile, hasCertificate } = this.#options
      if (hasCertificate && CREDENTIAL_REFUSALS.has(errorCode(error) ?? '')) {
        throw peerError('SHOAL_PEER_CREDENTIAL_REFUSED', { url, reason: errorMessage(error) }, error)
      }
      if (!REFUSALS.has(errorCode(error) ?? '')) throw error
      throw peerError('SHOAL_PEER_TOKEN_REFUSED', { url, path: tokenFile ?? 'it is not set' }, error)
    }
    this.#toldCapacityBytes = body.capacityBytes
    this.#current = enrollment
    await trust.show(enrollment.publicKeys, { signal })
    await records.saveEnrollment(enrollment)
    this.#deps.apply(enrollment)
    this.#sayReachability(enrollment, body.swarmAddress)
    if (!this.#isRegistered) this.#deps.logger.info({ node, address: body.swarmAddress }, 'registered with the seed')
    this.#isRegistered = true
    this.#registered.resolve()
  }

  /** Registers and keeps registered until aborted. `isDone`: the first registration was made already. */
  async run({ signal, isDone }: { signal: AbortSignal; isDone: boolean }): Promise<void> {
    const { random, logger } = this.#deps
    let failures = 0
    if (isDone) await this.#alarm.wait(this.#refreshMs(), { signal })
    while (!signal.aborted) {
      try {
        await this.register({ signal })
        failures = 0
      } catch (error) {
        if (signal.aborted) return
        failures += 1
        this.#onFailure(error)
      }
      if (failures === 0) await this.#alarm.wait(this.#refreshMs(), { signal })
      else {
        const waitMs = backOffMs(failures, random, RETRY)
        logger.debug({ waitMs, failures }, 'registering again later')
        await this.#alarm.wait(waitMs, { signal })
      }
    }
  }

  #refreshMs(): number {
    return jittered(this.#current?.reachable === false ? REFRESH_UNREACHABLE_MS : REFRESH_MS, this.#deps.random)
  }

  #onFailure(error: unknown): void {
    const { logger, onRefused } = this.#deps
    const code = errorCode(error)
    // No answer is said by the link, once.
    if (isNoAnswer(error)) return
    logger.error({ code, error }, `registration failed: ${errorMessage(error)}`)
    if (code === 'SHOAL_PEER_TOKEN_REFUSED' && !this.#isRegistered) onRefused(error as ShoalError)
  }

  #sayReachability(enrollment: Enrollment, address: string): void {
    const said = `${enrollment.reachable} ${enrollment.reachability}`
    if (said === this.#lastReachability) return
    const wasUnreachable = this.#lastReachability.startsWith('false')
    this.#lastReachability = said
    const { logger } = this.#deps
    if (enrollment.reachable === false) {
      const error = peerError('SHOAL_PEER_UNREACHABLE', { address, reason: enrollment.reachability })
      logger.warn({ code: error.code, hint: error.hint, address }, error.message)
    } else if (wasUnreachable) logger.info({ address }, 'other nodes can reach this one again')
  }
}
