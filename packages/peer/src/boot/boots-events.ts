import type { Clock, Digest, Logger, ShoalError } from '@shoal/core'
import { eventDetails } from '../error-body.ts'
import type { EventQueue } from '../event-queue.ts'
import type { ServedBoot } from './boots-ports.ts'

/** Of one kind and boot, one event in this time: a machine that stands still asks again and again. */
const QUIET_MS = 60_000
const MAX_MESSAGE = 1000

type Named = Pick<ServedBoot, 'name' | 'image'>

/** Tells the seed, and the log, of reads that a machine had to wait for or that failed. */
export class BootEvents {
  readonly #deps: { readonly queue: Pick<EventQueue, 'add'>; readonly clock: Clock; readonly logger: Logger }
  /** When each kind of each boot was told. */
  readonly #toldAt = new Map<string, number>()

  constructor(deps: { queue: Pick<EventQueue, 'add'>; clock: Clock; logger: Logger }) {
    this.#deps = deps
  }

  /** A read waits, or has waited, for a block of a layer. */
  async stalled(boot: Named, { layer, waitedMs }: { layer: Digest; waitedMs: number }): Promise<void> {
    const message = `A read of ${boot.name} waited ${(waitedMs / 1000).toFixed(1)} s for a block.`
    await this.#tell('boot.stalled', boot, layer, message, { waitedMs })
  }

  /** A read failed: the machine sees an error of its disk, or stands still. */
  async failedRead(boot: Named, { layer, error }: { layer: Digest; error: ShoalError }): Promise<void> {
    const { code, hint, details } = error
    await this.#tell('boot.failed-read', boot, layer, `A read of ${boot.name} failed: ${error.message}`, {
      ...details,
      code,
      hint,
    })
  }

  async #tell(
    type: 'boot.stalled' | 'boot.failed-read',
    { name, image }: Named,
    layer: Digest,
    message: string,
    about: Record<string, unknown>,
  ): Promise<void> {
    const { queue, clock, logger } = this.#deps
    const now = clock.now()
    for (const [key, at] of this.#toldAt) if (Math.abs(now - at) >= QUIET_MS) this.#toldAt.delete(key)
    const key = `${type} ${name}`
    if (this.#toldAt.has(key)) return
    this.#toldAt.set(key, now)
    const details = eventDetails({ boot: name, ...(image === null ? {} : { image }), ...about })
    if (type === 'boot.stalled') logger.warn({ layer, ...details }, 'a VM waits for a block')
    else logger.error({ layer, ...details }, 'a read of a VM failed')
    await queue.add({ at: new Date(now).toISOString(), type, layer, message: message.slice(0, MAX_MESSAGE), details })
  }
}
