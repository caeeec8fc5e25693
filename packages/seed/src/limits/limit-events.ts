import type { Actor, Limits, LimitsWindow } from '@shoal/api'
import type { EventDraft } from '../events/event-journal.ts'

type Rates = Readonly<Record<string, number | null>>

/** The event that an operator's change makes, if it changes what holds. */
export function limitEvents(before: Limits, now: Limits, actor?: Actor): EventDraft[] {
  return eventsOf(before, now, 'Limits changed', {}).map((draft) => ({ ...draft, actor }))
}

/** The event that another window of the schedule makes, if it changes what holds. */
export function windowEvents(
  { limits: before, window: ended }: { limits: Limits; window: string | null },
  { limits: now, window }: { limits: Limits; window: string | null },
): EventDraft[] {
  const cause = window === null ? `Window ${ended} of the schedule is over` : `Window ${window} of the schedule holds`
  return eventsOf(before, now, `${cause}; limits changed`, { window })
}

/** The event of another schedule. */
export function scheduleEvents(windows: readonly LimitsWindow[], actor?: Actor): EventDraft[] {
  const names = windows.map(({ name }) => name)
  const message = names.length === 0 ? 'Schedule of limits cleared.' : `Schedule of limits set: ${names.join(', ')}.`
  return [{ type: 'limits.changed', actor, message, details: { windows: names } }]
}

/** Whether two sets of limits differ. */
export function areOther(before: Rates, now: Rates): boolean {
  return Object.keys(difference(before, now)).length > 0
}

function eventsOf(
  { node: nodeBefore, ...before }: Limits,
  { node, ...now }: Limits,
  cause: string,
  facts: Record<string, unknown>,
): EventDraft[] {
  const ofNode = Object.entries(difference({ ...nodeBefore }, { ...node }))
  const rates = {
    ...difference(before, now),
    ...Object.fromEntries(ofNode.map(([name, rate]) => [`node.${name}`, rate])),
  }
  const names = Object.entries(rates).map(([name, rate]) => `${name} ${rate ?? 'none'}`)
  if (names.length === 0) return []
  return [{ type: 'limits.changed', message: `${cause}: ${names.join(', ')}.`, details: { ...rates, ...facts } }]
}

/** The rates that are not what they were. */
function difference(before: Rates, now: Rates): Rates {
  return Object.fromEntries(Object.entries(now).filter(([name, rate]) => before[name] !== rate))
}
