import type { PrefetchRuleRequest, PrefetchTarget, RuleImages } from '@shoal/api'
import { seedError } from '../errors.ts'
import { CronTimes } from './cron-times.ts'

/**
 * Checks what the schema cannot, and gives the times of the rule; `undefined` when it acts at once. Throws
 * `SHOAL_RULE_IMAGES`, `SHOAL_RULE_TIME_ZONE`, `SHOAL_RULE_CRON`, or what is wrong with its target.
 */
export function checkRule(
  { on, cron, timeZone, images, target }: PrefetchRuleRequest,
  checkTarget: (target: PrefetchTarget) => void,
): CronTimes | undefined {
  checkImages(images)
  checkTarget(target)
  if (cron === null && on === 'schedule') {
    throw seedError('SHOAL_RULE_CRON', { cron, reason: 'a schedule needs a cron expression' })
  }
  // The zone of a rule without times is checked as well: it counts when the rule gets some.
  const times = new CronTimes(cron ?? '0 0 * * *', timeZone)
  return cron === null ? undefined : times
}

function checkImages({ newestOnly: _, ...conditions }: RuleImages): void {
  const wrong = (reason: string) => seedError('SHOAL_RULE_IMAGES', { reason })
  const given = Object.entries(conditions)
  if (given.length === 0) throw wrong('it has no condition')
  for (const [name, value] of given) {
    if (value === '' || (name === 'property' && value.startsWith('='))) throw wrong(`the ${name} is empty`)
  }
}
