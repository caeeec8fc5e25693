/** Something a test may leave undone things with. */
export interface Undo {
  after(fn: () => Promise<unknown>): void
}

/** Undoes in the opposite order at the end of the test, and all of it: `t.after` itself runs first things first and stops at a failure. */
export function undoAfter(t: { after(fn: () => Promise<void>): void }): Undo {
  const stack = new AsyncDisposableStack()
  t.after(() => stack.disposeAsync())
  return {
    after(fn) {
      stack.defer(async () => {
        await fn()
      })
    },
  }
}
