import type { Session } from '@shoal/api'
import { useCallback, useEffect, useState } from 'react'
import { CallError, call } from '../api/call.ts'
import { Problem } from '../parts/problem.tsx'
import { Console } from './console.tsx'
import { SessionContext } from './session-context.ts'
import { SignInPage } from './sign-in-page.tsx'

const RETRY_MS = 2000

/** The console for those who are signed in, the sign-in for others. */
export function App() {
  const [session, setSession] = useState<Session | null | undefined>(undefined)
  const [problem, setProblem] = useState<unknown>(undefined)
  const ask = useCallback(async () => {
    try {
      setSession(await call('showSession'))
      setProblem(undefined)
    } catch (error) {
      // A seed that is away for a moment does not end the session.
      if (error instanceof CallError && error.status === 401) setSession(null)
      else setProblem(error)
    }
  }, [])
  useEffect(() => void ask(), [ask])
  useEffect(() => {
    if (problem === undefined) return undefined
    const timer = setTimeout(() => void ask(), RETRY_MS)
    return () => clearTimeout(timer)
  }, [problem, ask])
  const signOut = useCallback(() => void call('signOut').finally(() => setSession(null)), [])

  if (session === null) return <SignInPage onSignedIn={setSession} />
  if (session !== undefined) {
    return (
      <SessionContext.Provider value={{ session, signOut }}>
        <Console onRefused={ask} />
      </SessionContext.Provider>
    )
  }
  return problem === undefined ? null : <Problem error={problem} />
}
