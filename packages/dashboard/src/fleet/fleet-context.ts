import { createContext, useContext, useSyncExternalStore } from 'react'
import type { FleetStore } from './fleet-store.ts'

export const FleetContext = createContext<FleetStore | undefined>(undefined)

/** What the seed told, and a new look at it with every change of what `read` gives. */
export function useFleet<T>(read: (fleet: FleetStore) => T): T {
  const fleet = useContext(FleetContext)
  if (fleet === undefined) throw new TypeError('there is no fleet around this component')
  return useSyncExternalStore(
    (listener) => fleet.subscribe(listener),
    () => read(fleet),
  )
}
