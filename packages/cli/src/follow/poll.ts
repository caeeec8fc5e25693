import type { CommandContext } from '../context.ts'

const INTERVAL_MS = 500
/** Polling takes at most this part of the service's time, however slow an answer has become. */
const BUSY_SHARE = 0.1

/** Asks again and again until `done`; yields each answer. Large fleets answer slower and are asked less often. */
export async function* poll<T>(
  { clock, signal }: Pick<CommandContext, 'clock' | 'signal'>,
  ask: () => Promise<T>,
  done: (answer: T) => boolean,
): AsyncGenerator<T, void> {
  for (;;) {
    const before = clock.elapsed()
    const answer = await ask()
    yield answer
    if (done(answer)) return
    await clock.sleep(Math.max(INTERVAL_MS, (clock.elapsed() - before) / BUSY_SHARE), { signal })
  }
}
