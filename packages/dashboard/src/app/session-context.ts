import type { Session } from '@shoal/api'
import { createContext, useContext } from 'react'

export interface SessionHandle {
  readonly session: Session
  readonly signOut: () => void
}

export const SessionContext = createContext<SessionHandle | undefined>(undefined)

export function useSession(): SessionHandle {
  const handle = useContext(SessionContext)
  if (handle === undefined) throw new TypeError('there is no session around this component')
  return handle
}

/** Whether the one who looks may change anything. */
export function useCanAct(): boolean {
  return useSession().session.role !== 'reader'
}

/** Whether the one who looks may change limits and take nodes out of the fleet. */
export function useCanAdminister(): boolean {
  return useSession().session.role === 'admin'
}
