import { useFleet } from './fleet-context.ts'

/** The seed's time, which moves with its messages: the clock of this machine may be wrong. Unix time in milliseconds. */
export function useNow(): number {
  const at = useFleet(({ overview }) => overview?.at)
  return at === undefined ? Date.now() : Date.parse(at)
}
