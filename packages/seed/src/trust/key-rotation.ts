import type { Actor } from '@shoal/api'
import { type Clock, decodeKeyStatement, errorMessage, type Logger } from '@shoal/core'
import type { StateStore } from '@shoal/state'
import type { EventDraft, EventJournal } from '../events/event-journal.ts'
import type { Assignments } from '../nodes/assignments.ts'
import type { SigningKeys } from './signing-keys.ts'

const TOLD_KEY = 'seed/key-statements-told'
const LOOK_MS = 60_000

export interface KeyRotationDeps {
  readonly keys: SigningKeys
  readonly state: Pick<StateStore, 'get'>
  readonly journal: Pick<EventJournal, 'append'>
  readonly assignments: Pick<Assignments, 'renew'>
  readonly clock: Clock
  readonly logger: Logger
}

/** Replaces the signing key, and tells of it: journal, nodes. */
export class KeyRotation {
  readonly #deps: KeyRotationDeps
  readonly #overlapMs: number
  #told = 0

  constructor(deps: KeyRotationDeps, { overlapMs }: { overlapMs: number }) {
    this.#deps = deps
    this.#overlapMs = overlapMs
  }

  /** Tells of what an earlier run said of its keys and, ended in between, told nobody. */
  async open(): Promise<void> {
    this.#told = (await this.#deps.state.get<number>(TOLD_KEY))?.value ?? 0
    await this.#tell()
  }

  /** Throws what {@link SigningKeys.rotate} throws. */
  async rotate(actor: Actor, overlapMs = this.#overlapMs): Promise<void> {
    await this.#deps.keys.rotate({ overlapMs })
    await this.#tell(actor)
  }

  /** Throws what {@link SigningKeys.retire} throws. */
  async retire(id: string, actor: Actor): Promise<void> {
    await this.#deps.keys.retire(id)
    await this.#tell(actor)
  }

  /** Retires keys whose time is over, until aborted. */
  async run({ signal }: { signal: AbortSignal }): Promise<void> {
    const { clock, keys, logger } = this.#deps
    while (!signal.aborted) {
      await clock.sleep(LOOK_MS, { signal }).catch(() => {})
      if (signal.aborted) return
      try {
        if (await keys.retireOld()) await this.#tell()
      } catch (error) {
        logger.error({ reason: errorMessage(error) }, 'an old signing key was not retired; it is tried again')
      }
    }
  }

  async #tell(actor?: Actor): Promise<void> {
    const { keys, journal, assignments } = this.#deps
    const { statements } = keys
    if (statements.length === this.#told) return
    const drafts = statements.slice(this.#told).map((statement) => ({ ...draftOf(statement), actor }))
    this.#told = statements.length
    const { operations, announce } = assignments.renew()
    await journal.append(drafts, [...operations, { type: 'put', key: TOLD_KEY, value: statements.length }])
    announce()
  }
}

function draftOf(statement: Uint8Array): EventDraft {
  const { kind, serial, publicKey, until } = decodeKeyStatement(statement)
  const details = { serial, publicKey }
  if (kind === 'retirement') {
    const message = `Signing keys up to number ${serial} are not trusted any more.`
    return { type: 'key.retired', message, details }
  }
  const trustedUntil = new Date(until).toISOString()
  const message = `Signing key ${serial} signs from now on; the one before is trusted until ${trustedUntil}.`
  return { type: 'key.rotated', message, details: { ...details, trustedUntil } }
}
