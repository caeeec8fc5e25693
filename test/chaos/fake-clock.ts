import { existsSync, writeFileSync } from 'node:fs'

/** Where Debian's package libfaketime has it. */
const LIBRARY = '/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1'

/** The wall clock of one service: its monotonic clock goes on as it is, as on a machine whose time is set. */
export class FakeClock {
  readonly #file: string

  constructor(file: string) {
    this.#file = file
    this.set(0)
  }

  /** What the service has to be started with. */
  get env(): NodeJS.ProcessEnv {
    if (!existsSync(LIBRARY)) throw new Error(`${LIBRARY} is missing: install Debian's package faketime`)
    return {
      LD_PRELOAD: LIBRARY,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      NO_FAKE_STAT: '1',
    }
  }

  /** Sets it so many seconds off the true time. The service sees it within a second. */
  set(offsetSeconds: number): void {
    writeFileSync(this.#file, `${offsetSeconds < 0 ? '' : '+'}${Math.round(offsetSeconds)}\n`)
  }
}
