import type { CommandContext } from '../context.ts'
import { isTransient } from '../follow/transient.ts'

const RETRY_MS = 1000
/** A seed that restarts is back long before. */
const GIVE_UP_AFTER_MS = 10 * 60_000

/** What goes on after a connection that was lost. */
export interface Reconnect {
  /** The service answered. */
  succeeded(): void
  /** Throws the error when another attempt cannot help, or attempts did not for too long. */
  check(error: unknown): void
  /** Waits before the next attempt. */
  pause(): Promise<void>
}

/** For a service that has answered at least once. */
export function createReconnect({ clock, signal }: Pick<CommandContext, 'clock' | 'signal'>): Reconnect {
  let lostAt: number | undefined
  return {
    succeeded: () => {
      lostAt = undefined
    },
    check: (error) => {
      lostAt ??= clock.elapsed()
      if (!isTransient(error) || clock.elapsed() - lostAt > GIVE_UP_AFTER_MS) throw error
    },
    pause: () => clock.sleep(RETRY_MS, { signal }),
  }
}
