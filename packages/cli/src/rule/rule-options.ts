import type { PrefetchRule, PrefetchRuleRequest, RuleImages } from '@shoal/api'
import type { InferredOptionTypes, Options } from 'yargs'
import { cliError } from '../errors.ts'
import { parseDuration } from '../format/parse-duration.ts'
import { present } from '../prefetch/present.ts'
import { formOption, hasTarget, targetOf, targetOptions } from '../prefetch/target-options.ts'
import { termsOf, termsOptions } from '../prefetch/terms-options.ts'

/** Options by which a rule is made or changed. */
export const ruleOptions = {
  on: {
    choices: ['new-image', 'schedule'],
    requiresArg: true,
    describe: 'new-image: when an image is imported, at the next time of --cron; schedule: at each time of --cron',
  },
  cron: {
    type: 'string',
    requiresArg: true,
    describe: "When, as a cron expression of five or six fields: '0 2 * * *'; none: at once, for new images",
  },
  'time-zone': {
    type: 'string',
    requiresArg: true,
    describe: 'Time zone of --cron, as Europe/Berlin (UTC for a new rule)',
  },
  'image-id': { type: 'string', requiresArg: true, describe: 'The one image with this Glance id' },
  'image-name': { type: 'string', requiresArg: true, describe: 'Images of this name; * stands for anything' },
  'image-tag': { type: 'string', requiresArg: true, describe: 'Images with this tag' },
  'image-property': { type: 'string', requiresArg: true, describe: 'Images with this property: name or name=value' },
  'all-matching': { type: 'boolean', describe: 'All images that match, not the newest alone' },
  ...targetOptions,
  ...formOption,
  ...termsOptions,
  'deadline-after': {
    type: 'string',
    requiresArg: true,
    describe: "From a plan's start to its deadline: 30m, 2h, 1d, or none",
  },
  'pin-for': { type: 'string', requiresArg: true, describe: 'How long nodes keep it for sure: 2h, 7d, or none' },
  disable: { type: 'boolean', conflicts: 'enable', describe: 'Keep the rule, but let it make no plans' },
  enable: { type: 'boolean', describe: 'Let a disabled rule make plans again' },
} as const satisfies Record<string, Options>

type RuleArgs = Partial<InferredOptionTypes<typeof ruleOptions>>

/**
 * What a rule is to be: what was said, over what it was. Images and nodes are replaced as a whole. Throws
 * `SHOAL_CLI_USAGE` for what cannot be a rule; its hint names `command`.
 */
export function ruleOf(args: RuleArgs, before: PrefetchRule | undefined, command: string): PrefetchRuleRequest {
  const fail = (reason: string) => cliError('SHOAL_CLI_USAGE', { reason, command })
  const on = args.on ?? before?.on
  if (on === undefined) throw fail('Say when it acts: --on new-image or --on schedule.')
  const cron = args.cron === undefined ? (before?.cron ?? null) : orNull(args.cron)
  if (on === 'schedule' && cron === null) throw fail('A schedule needs its times: --cron.')
  const images = imagesOf(args, before?.images)
  if (images === undefined) {
    throw fail('Say which images: --image-id, --image-name, --image-tag or --image-property.')
  }
  const target = before === undefined || hasTarget(args) ? targetOf(args, command) : before.target
  const said = termsOf(args, command)
  const limits = { ...before?.limits, ...said.limits }
  const terms = present({
    form: args.form ?? before?.form,
    priority: said.priority ?? before?.priority,
    weight: said.weight ?? before?.weight,
    limits: Object.keys(limits).length === 0 ? undefined : limits,
    deadlineSeconds: secondsOf(args['deadline-after'], before?.deadlineSeconds, command),
    pinnedSeconds: secondsOf(args['pin-for'], before?.pinnedSeconds, command),
  })
  const enabled = args.disable ? false : args.enable ? true : (before?.enabled ?? true)
  return { enabled, on, images, cron, timeZone: args['time-zone'] ?? before?.timeZone ?? 'UTC', target, ...terms }
}

function imagesOf(args: RuleArgs, before: RuleImages | undefined): RuleImages | undefined {
  const said = present({
    id: args['image-id'],
    name: args['image-name'],
    tag: args['image-tag'],
    property: args['image-property'],
  })
  const images = Object.keys(said).length === 0 ? before : said
  return images !== undefined && args['all-matching'] ? { ...images, newestOnly: false } : images
}

function secondsOf(text: string | undefined, before: number | undefined, command: string): number | undefined {
  if (text === undefined) return before
  return text === 'none' ? undefined : Math.round(parseDuration(text, command) / 1000)
}

function orNull(text: string): string | null {
  return text === 'none' ? null : text
}
