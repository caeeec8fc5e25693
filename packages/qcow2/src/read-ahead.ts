/** Reads that are under way while one is worked on. */
const AHEAD = 2
/** Buffers that such reads need: one for each, and one for what is worked on. */
export const READ_SLOTS = AHEAD + 1

/**
 * Reads one thing after the other, some of them ahead. `read` is told a slot below {@link READ_SLOTS}, whose buffer is its own until what it
 * gave was worked on: what is yielded holds only until the next is asked for.
 */
export async function* readAhead<T, R>(
  things: Iterable<T> | AsyncIterable<T>,
  read: (thing: T, slot: number) => Promise<R>,
): AsyncGenerator<R> {
  const pending: Promise<R>[] = []
  let slot = 0
  for await (const thing of things) {
    const next = read(thing, slot)
    // A failure is seen when its turn comes; nobody may come for it.
    next.catch(() => {})
    pending.push(next)
    slot = (slot + 1) % READ_SLOTS
    const first = pending.length < READ_SLOTS ? undefined : pending.shift()
    if (first !== undefined) yield await first
  }
  for (const last of pending) yield await last
}

/** A buffer for each slot. */
export function slotBuffers(bytes: number): readonly Buffer[] {
  return Array.from({ length: READ_SLOTS }, () => Buffer.allocUnsafeSlow(bytes))
}
