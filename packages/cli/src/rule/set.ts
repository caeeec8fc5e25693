import type { PrefetchRule } from '@shoal/api'
import { errorCode } from '@shoal/core'
import { defineCommand } from '../command.ts'
import type { CommandContext } from '../context.ts'
import { EXIT } from '../exit-code.ts'
import { describeRule } from './describe-rule.ts'
import { ruleArgument } from './rule-argument.ts'
import { ruleOf, ruleOptions } from './rule-options.ts'

export const ruleSet = defineCommand({
  usage: 'rule set <rule>',
  summary: 'Make a rule that makes plans by itself, or change one; of a rule that is there, what is not said stays.',
  positionals: { rule: ruleArgument },
  options: ruleOptions,
  examples: [
    [
      "rule set web --on new-image --image-name 'web-*' --cron '0 2 * * *' --time-zone Europe/Berlin --aggregate web",
      'a new version goes to these nodes at two in the night',
    ],
    ['rule set golden --on new-image --image-tag golden --all --pin-for 7d', 'at once, and it stays for a week'],
    ['rule set web --disable', 'not for now'],
  ],
  run: async (context, args) => {
    const { client, output, signal } = context
    const body = ruleOf(args, await findRule(context, args.rule), 'shoal rule set')
    const rule = await client.putPrefetchRule({ params: { rule: args.rule }, body, signal })
    output.show(rule, () => describeRule(rule))
    return EXIT.ok
  },
})

async function findRule({ client, signal }: CommandContext, rule: string): Promise<PrefetchRule | undefined> {
  try {
    return await client.showPrefetchRule({ params: { rule }, signal })
  } catch (error) {
    if (errorCode(error) === 'SHOAL_RULE_UNKNOWN') return undefined
    throw error
  }
}
