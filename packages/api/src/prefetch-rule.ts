import { type Static, Type } from 'typebox'
import { count, imageId, nullable, priority, text, time } from './field.ts'
import { DEFAULT_PLAN_WEIGHT, imageForm, PlanLimits, PrefetchTarget, planId } from './prefetch.ts'

const strict = { additionalProperties: false } as const
/** A year: pins and deadlines further away are slips of the pen. */
const MAX_SECONDS = 31_536_000

/** The name of a rule, which its author gives. */
export const ruleName = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$', maxLength: 63, description })

export const RuleImages = Type.Object(
  {
    id: Type.Optional(imageId('The one image with this Glance id.')),
    name: Type.Optional(text('Images of this name; * stands for anything.', 255)),
    tag: Type.Optional(text('Images with this tag.', 255)),
    property: Type.Optional(text('Images with this property: name, or name=value.', 1000)),
    newestOnly: Type.Optional(
      Type.Boolean({ description: 'Only the one of them that was made last. True when absent.' }),
    ),
  },
  { ...strict, description: 'Which images: all that is given must hold.' },
)
export type RuleImages = Static<typeof RuleImages>

const rule = {
  enabled: Type.Boolean({ description: 'Whether it makes plans.' }),
  on: Type.Enum(['new-image', 'schedule'], {
    description:
      'new-image: when an image that it means is imported, at the next time of cron; schedule: at each time of cron.',
  }),
  images: RuleImages,
  cron: nullable(
    text('When, as a cron expression of five or six fields; null: at once, which only new-image may have.', 200),
  ),
  timeZone: text('Of cron: an IANA name, such as Europe/Berlin.', 100),
  target: PrefetchTarget,
  form: Type.Optional(imageForm()),
  priority: Type.Optional(priority('Of its plans; 50 when absent.')),
  weight: Type.Optional(
    Type.Integer({ minimum: 1, maximum: 100, description: `Of its plans; ${DEFAULT_PLAN_WEIGHT} when absent.` }),
  ),
  limits: Type.Optional(PlanLimits),
  deadlineSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_SECONDS, description: "From a plan's start to its deadline. Seconds." }),
  ),
  pinnedSeconds: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MAX_SECONDS, description: 'How long nodes keep it. Seconds.' }),
  ),
}

export const PrefetchRuleRequest = Type.Object(rule, {
  ...strict,
  description: 'When to make a plan by itself, and which.',
})
export type PrefetchRuleRequest = Static<typeof PrefetchRuleRequest>

export const PrefetchRule = Type.Object(
  {
    name: ruleName('Name of the rule.'),
    ...rule,
    waiting: Type.Array(imageId('An image.'), {
      maxItems: 1000,
      description: 'New images that wait for the next time.',
    }),
    nextAt: nullable(time('When it acts next; null: not by time, or it is not enabled.')),
    lastAt: nullable(time('When it acted last.')),
    lastPlan: nullable(planId('The plan that it made last.')),
    lastError: nullable(text('Why it could not make a plan when it acted last.')),
    plans: count('Plans that it has made.'),
  },
  { description: 'A rule that makes plans by itself.' },
)
export type PrefetchRule = Static<typeof PrefetchRule>
