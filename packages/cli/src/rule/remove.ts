import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { plainText } from '../format/plain-text.ts'
import { ruleArgument } from './rule-argument.ts'

export const ruleRemove = defineCommand({
  usage: 'rule remove <rule>',
  summary: 'Remove a rule; the plans that it made stay.',
  positionals: { rule: ruleArgument },
  run: async ({ client, output, signal }, args) => {
    await client.removePrefetchRule({ params: { rule: args.rule }, signal })
    output.show({ removed: args.rule }, () => `rule ${plainText(args.rule)}: removed`)
    return EXIT.ok
  },
})
