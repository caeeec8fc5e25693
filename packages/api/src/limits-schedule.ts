import { type Static, Type } from 'typebox'
import { nullable, time } from './field.ts'
import { limitsWindowName, ScheduledLimits } from './limits.ts'

/** The most windows of one schedule. */
export const MAX_LIMITS_WINDOWS = 32

/** Days of the week as a schedule names them, in their order. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Day = (typeof DAYS)[number]

const strict = { additionalProperties: false } as const
const clock = (description: string) =>
  Type.String({ pattern: '^([01][0-9]|2[0-3]):[0-5][0-9]$', maxLength: 5, description: `${description} HH:MM.` })

export const LimitsWindow = Type.Object(
  {
    name: limitsWindowName('Its name, which no other window of the schedule has.'),
    days: Type.Optional(
      Type.Array(Type.Enum([...DAYS], { description: 'A day of the week.' }), {
        minItems: 1,
        maxItems: DAYS.length,
        uniqueItems: true,
        description: 'Days on which it begins; every day when absent.',
      }),
    ),
    from: clock('When it begins.'),
    to: clock('When it ends: on the next day unless it is later than `from`, so that equal times are a whole day.'),
    timeZone: Type.String({
      pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$',
      maxLength: 100,
      description: 'Whose clocks: an IANA name, such as Europe/Berlin or UTC.',
    }),
    limits: ScheduledLimits,
  },
  { ...strict, description: 'A part of the day, and the limits that hold in it.' },
)
export type LimitsWindow = Static<typeof LimitsWindow>

const windows = Type.Array(LimitsWindow, {
  maxItems: MAX_LIMITS_WINDOWS,
  description: 'In order: of those that hold at once, the first does.',
})

export const LimitsSchedule = Type.Object(
  { windows },
  { ...strict, description: 'When which limits hold; without windows there is no schedule.' },
)
export type LimitsSchedule = Static<typeof LimitsSchedule>

export const LimitsScheduleStatus = Type.Object(
  {
    windows,
    active: nullable(limitsWindowName('The window that holds now.')),
    nextChangeAt: nullable(time('When another window holds, or none; null: not within two weeks.')),
  },
  { description: 'The schedule of the limits, and where in it we are.' },
)
export type LimitsScheduleStatus = Static<typeof LimitsScheduleStatus>
