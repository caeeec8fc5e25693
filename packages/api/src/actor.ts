import { type Static, Type } from 'typebox'

/** Names of tokens and rules, ids of plans, names of nodes, and what Keystone calls its users. */
const MAX_ACTOR_CHARS = 300

/** Who did something: `seed`, `anonymous`, or a kind and a name: `token:NAME`, `user:NAME`, `node:NAME`, `rule:NAME`, `plan:ID`. */
export const Actor = Type.String({
  maxLength: MAX_ACTOR_CHARS,
  pattern: '^(seed|anonymous|(token|user|node|rule|plan):.+)$',
  description:
    'Who did it: seed (it acted by itself), anonymous (nobody had to sign in), or a kind and a name: token:NAME, user:NAME, node:NAME, rule:NAME, plan:ID.',
})
export type Actor = Static<typeof Actor>

/** Picks events by who did them. */
export const actorFilter = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: MAX_ACTOR_CHARS,
    description: 'Only what this actor did, such as token:ci; a kind alone, such as node, means all of that kind.',
  }),
)

/** Whether an actor is the one that was asked for, or of the kind that was. */
export function isActor(actor: Actor, wanted: string): boolean {
  return actor === wanted || actor.startsWith(`${wanted}:`)
}
