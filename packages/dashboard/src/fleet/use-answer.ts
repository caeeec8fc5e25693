import { useEffect, useRef, useState } from 'react'
import { CallError } from '../api/call.ts'

/**
 * An answer that is asked for, and again whenever `version` is another, at most once in `gapMs`; the one before is shown until then,
 * also while the seed does not answer: that is told once, for the whole page.
 */
export function useAnswer<T>(
  ask: (signal: AbortSignal) => Promise<T>,
  version: unknown,
  gapMs = 2000,
): { answer?: T; problem?: unknown } {
  const [state, setState] = useState<{ answer?: T; problem?: unknown }>({})
  const askedAt = useRef(0)
  const gone = useRef(new AbortController())
  const latest = useRef(ask)
  latest.current = ask
  // biome-ignore lint/correctness/useExhaustiveDependencies: another version is why it is asked again.
  useEffect(() => {
    if (gone.current.signal.aborted) gone.current = new AbortController()
    const { signal } = gone.current
    const waitMs = Math.max(0, askedAt.current + gapMs - Date.now())
    const timer = setTimeout(() => {
      askedAt.current = Date.now()
      latest.current(signal).then(
        (answer) => signal.aborted || setState({ answer }),
        (problem: unknown) => signal.aborted || setState((before) => afterProblem(before, problem)),
      )
    }, waitMs)
    return () => clearTimeout(timer)
  }, [version, gapMs])
  useEffect(() => () => gone.current.abort(), [])
  return state
}

function afterProblem<T>(
  before: { answer?: T; problem?: unknown },
  problem: unknown,
): { answer?: T; problem?: unknown } {
  const isAway = problem instanceof CallError && problem.status === 0
  return isAway && before.answer !== undefined ? before : { ...before, problem }
}
