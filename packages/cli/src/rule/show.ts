import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { describeRule } from './describe-rule.ts'
import { ruleArgument } from './rule-argument.ts'

export const ruleShow = defineCommand({
  usage: 'rule show <rule>',
  summary: 'Show a rule, what it did last and when it acts next.',
  positionals: { rule: ruleArgument },
  run: async ({ client, output, signal }, args) => {
    const rule = await client.showPrefetchRule({ params: { rule: args.rule }, signal })
    output.show(rule, () => describeRule(rule))
    return EXIT.ok
  },
})
