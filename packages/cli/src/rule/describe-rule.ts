import { DEFAULT_PLAN_WEIGHT, DEFAULT_PRIORITY, type PrefetchRule, type RuleImages } from '@shoal/api'
import { formatDuration } from '../format/duration.ts'
import { formatFacts } from '../format/table.ts'
import { formatLimit } from '../limits/rate.ts'
import { describeTarget, listNames } from '../prefetch/describe-target.ts'

type Fact = readonly [name: string, value: string]

/** A rule for people. */
export function describeRule(rule: PrefetchRule): string {
  const { name, enabled, images, target, priority, weight, limits = {}, deadlineSeconds, pinnedSeconds } = rule
  const { waiting, nextAt, lastAt, lastPlan, lastError, plans } = rule
  return formatFacts([
    ['rule', `${name}${enabled ? '' : ', DISABLED'}`],
    ['when', describeWhen(rule)],
    ['images', describeImages(images)],
    ...optional('form', rule.form, (form) => form),
    ['where', describeTarget(target)],
    ['priority', `${priority ?? DEFAULT_PRIORITY}, weight ${weight ?? DEFAULT_PLAN_WEIGHT}`],
    ...optional('limit', limits.bytesPerSecond, (limit) => `${formatLimit(limit)} together`),
    ...optional('node limit', limits.nodeBytesPerSecond, (limit) => `${formatLimit(limit)} a node`),
    ...optional(
      'deadline',
      deadlineSeconds,
      (seconds) => `${formatDuration(seconds * 1000)} after the start of a plan`,
    ),
    ...optional('pinned', pinnedSeconds, (seconds) => `for ${formatDuration(seconds * 1000)}`),
    ...(waiting.length === 0 ? [] : [['waiting', listNames(waiting)] as const]),
    ['next', nextAt ?? (rule.on === 'new-image' && enabled && rule.cron === null ? 'when there is a new image' : '')],
    ['last', lastAt === null ? 'never' : `${lastAt}${lastPlan === null ? '' : `, plan ${lastPlan}`}`],
    ...optional('error', lastError, (error) => error),
    ['plans', `${plans} made`],
  ])
}

/** When a rule acts, in a few words. */
export function describeWhen({ on, cron, timeZone }: Pick<PrefetchRule, 'on' | 'cron' | 'timeZone'>): string {
  const times = cron === null ? 'at once' : `at ${cron} ${timeZone}`
  return on === 'new-image' ? `new image, ${times}` : times
}

/** Which images a rule means, in a few words. */
export function describeImages({ id, name, tag, property, newestOnly = true }: RuleImages): string {
  const conditions = [
    id === undefined ? '' : `id ${id}`,
    name === undefined ? '' : `name ${name}`,
    tag === undefined ? '' : `tag ${tag}`,
    property === undefined ? '' : `property ${property}`,
  ].filter((text) => text !== '')
  const which = conditions.length === 0 ? 'any' : conditions.join(', ')
  return newestOnly && id === undefined ? `newest with ${which}` : which
}

function optional<T>(name: string, value: T | null | undefined, describe: (value: T) => string): Fact[] {
  return value === null || value === undefined ? [] : [[name, describe(value)]]
}
