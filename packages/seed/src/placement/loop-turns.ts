import { setImmediate as nextTurn } from 'node:timers/promises'

/** How long one thing may keep the event loop: requests of thousands of nodes wait behind it. */
const TURN_MS = 2

/** Gives a function that long work calls again and again, and that lets others have their turn when it is time. */
export function loopTurns(): () => Promise<void> | undefined {
  let beganAt = performance.now()
  return () => {
    if (performance.now() - beganAt < TURN_MS) return undefined
    return nextTurn().then(() => {
      beganAt = performance.now()
    })
  }
}
