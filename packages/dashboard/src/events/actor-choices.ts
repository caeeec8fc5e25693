import type { Event } from '@shoal/api'

/** More names than that are found by the search. */
const MAX_NAMES = 50

const KINDS = [
  ['token', 'Anybody with a token'],
  ['user', 'Any user'],
  ['node', 'Any node'],
  ['rule', 'Any rule'],
  ['plan', 'Any plan'],
  ['seed', 'The seed by itself'],
  ['anonymous', 'Nobody that is known'],
] as const

/** By whom events can be chosen: the kinds that there are, and people, rules and the like by name; value and label. */
export function actorChoices(events: readonly Pick<Event, 'actor'>[], chosen: string): [string, string][] {
  const actors = new Set(events.map(({ actor }) => actor))
  const kinds = new Set([...actors].map(kindOf))
  const names = [...actors].filter(
    (actor) => ['token', 'user', 'rule'].includes(kindOf(actor)) && actor !== kindOf(actor),
  )
  const choices: [string, string][] = [
    ...KINDS.filter(([kind]) => kinds.has(kind)).map(([kind, label]): [string, string] => [kind, label]),
    ...names
      .sort()
      .slice(0, MAX_NAMES)
      .map((actor): [string, string] => [actor, actor]),
  ]
  const isKnown = chosen === '' || choices.some(([value]) => value === chosen)
  return isKnown ? choices : [...choices, [chosen, chosen]]
}

/** Whether an actor is the one that was chosen, or of the kind that was. */
export function isChosenActor(actor: string, chosen: string): boolean {
  return chosen === '' || actor === chosen || kindOf(actor) === chosen
}

/** `token` of `token:ci`. */
export function kindOf(actor: string): string {
  const colon = actor.indexOf(':')
  return colon < 0 ? actor : actor.slice(0, colon)
}
