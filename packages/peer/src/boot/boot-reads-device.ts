import { type Clock, type Digest, parseDigest } from '@shoal/core'
import type { BlockDevice, BlockExtent, BlockSizes } from '@shoal/nbd'
import { type ReadObserver, ReadTally, STALL_MS } from './boot-reads.ts'
import type { DeviceReadOptions } from './disk-device.ts'
import { bootFailure } from './errors.ts'

/** A device whose blocks may have to be waited for, shared by all who read it. */
export interface HeldDevice extends BlockDevice {
  read(offset: number, length: number, into: Buffer, options: DeviceReadOptions): Promise<void> | undefined
  extents(
    offset: number,
    length: number,
    options: DeviceReadOptions & { maxCount: number },
  ): readonly BlockExtent[] | Promise<readonly BlockExtent[]>
}

export interface WatchedDeviceDeps {
  readonly device: HeldDevice
  readonly observer: ReadObserver
  readonly clock: Clock
}

/** What one read waits for. */
interface Wait {
  readonly startMs: number
  readonly over: AbortController
  layer: Digest
  bytes: number
}

/** A device as one boot has it: what is read of it is counted and told. */
export class WatchedDevice implements BlockDevice {
  readonly blockSizes: BlockSizes
  readonly isReadOnly = true
  readonly sizeBytes: number
  readonly #deps: WatchedDeviceDeps
  /** Name of the boot, and its topmost layer. */
  readonly #about: { readonly name: string; readonly layer: Digest }
  readonly #tally = new ReadTally()
  readonly #onTouched: DeviceReadOptions['onTouched']

  constructor(deps: WatchedDeviceDeps, about: { name: string; layer: Digest }) {
    this.#deps = deps
    this.#about = about
    this.blockSizes = deps.device.blockSizes
    this.sizeBytes = deps.device.sizeBytes
    // One for all reads; none where nobody wants to hear of it.
    const { observer } = deps
    this.#onTouched = observer.onTouched?.bind(observer)
  }

  get tally(): ReadTally {
    return this.#tally
  }

  read(offset: number, length: number, into: Buffer, { signal }: { signal: AbortSignal }): Promise<void> | undefined {
    const { device, observer, clock } = this.#deps
    const startMs = clock.now()
    this.#tally.begin(length, startMs)
    observer.onRead?.(offset, length, startMs)
    return this.#watched((options) => device.read(offset, length, into, options), { signal, startMs, isRead: true })
  }

  extents(
    offset: number,
    length: number,
    { signal, maxCount }: { signal: AbortSignal; maxCount: number },
  ): readonly BlockExtent[] | Promise<readonly BlockExtent[]> {
    const ask = (options: DeviceReadOptions) => this.#deps.device.extents(offset, length, { ...options, maxCount })
    return this.#watched(ask, { signal, startMs: this.#deps.clock.now(), isRead: false })
  }

  willRead(offset: number, length: number): void {
    this.#deps.device.willRead?.(offset, length)
  }

  /** Does work that may wait, and gives what that gives: at once, or a promise. */
  #watched<T>(
    work: (options: DeviceReadOptions) => T,
    about: { signal: AbortSignal; startMs: number; isRead: boolean },
  ): T {
    const { signal, isRead } = about
    let wait: Wait | undefined
    const onDemand = (bytes: number, layer: Digest) => {
      wait ??= this.#beginWait(layer)
      wait.bytes += bytes
      wait.layer = layer
      this.#tally.demanded(bytes)
    }
    const done = <R>(result: R): R => {
      const endMs = this.#end(wait)
      const answer = { isWarm: wait === undefined, onDemandBytes: wait?.bytes ?? 0 }
      if (isRead) this.#deps.observer.onAnswered?.({ ...answer, seconds: (endMs - about.startMs) / 1000 })
      return result
    }
    const result = work({ signal, onDemand, onTouched: isRead ? this.#onTouched : undefined })
    if (!(result instanceof Promise)) return done(result)
    const onFailed = (error: unknown) => {
      this.#end(wait)
      if (!signal.aborted) this.#failed(error)
      throw error
    }
    return result.then(done, onFailed) as T
  }

  #beginWait(layer: Digest): Wait {
    const { clock, observer } = this.#deps
    const wait: Wait = { startMs: clock.now(), over: new AbortController(), layer, bytes: 0 }
    this.#tally.waits()
    const onStall = () => {
      this.#tally.stalled()
      observer.onStalled?.({ layer: wait.layer, waitedMs: clock.now() - wait.startMs })
    }
    clock.sleep(STALL_MS, { signal: wait.over.signal }).then(onStall, () => {})
    return wait
  }

  /** Gives the time. */
  #end(wait: Wait | undefined): number {
    const now = this.#deps.clock.now()
    if (wait === undefined) return now
    wait.over.abort()
    this.#tally.waited(now - wait.startMs)
    return now
  }

  #failed(cause: unknown): void {
    const { name, layer } = this.#about
    const error = bootFailure(name, cause)
    const named = error.details.layer
    this.#deps.observer.onFailed?.({ layer: typeof named === 'string' ? parseDigest(named) : layer, error })
  }
}
