import { type Static, Type } from 'typebox'
import { text } from './field.ts'

export const HEALTH_VERDICTS = ['healthy', 'degraded', 'critical'] as const
export type HealthVerdict = (typeof HEALTH_VERDICTS)[number]

export const HEALTH_CODES = [
  'library-unreachable',
  'library-at-limit',
  'import-failed',
  'nodes-lost',
  'nodes-unreachable',
  'nodes-stuck',
  'nodes-quarantined',
  'nodes-draining',
  'node-suspect',
  'flooded',
  'layers-failed',
  'peers-banned',
  'bad-signature',
  'cache-pressure',
  'seed-overused',
  'plan-late',
  'plan-stuck',
  'plan-incomplete',
  'boots-stalled',
  'boots-failed',
  'no-nodes',
] as const
export type HealthCode = (typeof HEALTH_CODES)[number]

export const HEALTH_SEVERITIES = ['critical', 'warning', 'notice'] as const
export const HEALTH_SUBJECTS = ['library', 'images', 'nodes', 'layer', 'plan', 'boots', 'events', 'limits'] as const

export const HealthReason = Type.Object(
  {
    code: Type.Enum([...HEALTH_CODES], { description: 'What is the matter.' }),
    severity: Type.Enum([...HEALTH_SEVERITIES], {
      description: 'critical: boots suffer or will; warning: something does not go as it should; notice: good to know.',
    }),
    message: text('The same for people: one sentence.'),
    subject: Type.Object(
      {
        kind: Type.Enum([...HEALTH_SUBJECTS], { description: 'What it is about.' }),
        id: Type.Union([text('Its name, if it is about one.', 300), Type.Null()]),
        filter: Type.Union([text('Which of them, if it is about some.', 100), Type.Null()]),
      },
      { description: 'Where to look further.' },
    ),
  },
  { description: 'Why the swarm is not simply well.' },
)
export type HealthReason = Static<typeof HealthReason>

export const SwarmHealth = Type.Object(
  {
    verdict: Type.Enum([...HEALTH_VERDICTS], { description: 'The worst of the reasons; notices do not count.' }),
    sentence: text('The same in one sentence, with what matters most.'),
    reasons: Type.Array(HealthReason, { maxItems: 100, description: 'The worst first.' }),
  },
  { description: 'Whether the swarm is well, and if not, why.' },
)
export type SwarmHealth = Static<typeof SwarmHealth>
