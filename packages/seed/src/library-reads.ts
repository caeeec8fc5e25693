import { type Clock, RateMeter } from '@shoal/core'
import type { ImportObserver } from './imports/import-runner.ts'

/** What was read from the library since the seed started. */
export class LibraryReads {
  readonly #meter: RateMeter
  #requests = 0

  constructor(clock: Clock) {
    this.#meter = new RateMeter(clock)
  }

  get bytes(): number {
    return this.#meter.totalBytes
  }

  get requests(): number {
    return this.#requests
  }

  bytesPerSecond(): number {
    return this.#meter.bytesPerSecond()
  }

  /** An observer that counts here, too. */
  countFor(observer: ImportObserver): ImportObserver {
    return {
      ...observer,
      onBytes: (bytes) => {
        this.#meter.add(bytes)
        observer.onBytes(bytes)
      },
      onRequest: () => {
        this.#requests += 1
        observer.onRequest()
      },
    }
  }
}
