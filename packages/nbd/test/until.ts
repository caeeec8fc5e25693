import { setImmediate } from 'node:timers/promises'

const MAX_TURNS = 200_000

/** Resolves when the condition holds; lets the event loop turn meanwhile. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let turn = 0; turn < MAX_TURNS; turn += 1) {
    if (condition()) return
    await setImmediate()
  }
  throw new Error(`not: ${what}`)
}
