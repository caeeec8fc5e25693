import type { PrefetchRule } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { EXIT } from '../exit-code.ts'
import { type Column, formatTable } from '../format/table.ts'
import { readAll } from '../page-reader.ts'
import { describeTarget } from '../prefetch/describe-target.ts'
import { describeImages, describeWhen } from './describe-rule.ts'

const columns: readonly Column<PrefetchRule>[] = [
  { title: 'RULE', value: ({ name }) => name },
  { title: 'ON', value: ({ enabled }) => (enabled ? 'yes' : 'no') },
  { title: 'WHEN', value: describeWhen },
  { title: 'IMAGES', value: ({ images }) => describeImages(images) },
  { title: 'WHERE', value: ({ target }) => describeTarget(target) },
  { title: 'NEXT', value: ({ nextAt }) => nextAt ?? '' },
  { title: 'LAST', value: ({ lastError, lastPlan }) => (lastError === null ? (lastPlan ?? '') : 'FAILED') },
  { title: 'PLANS', align: 'right', value: ({ plans }) => String(plans) },
]

export const ruleList = defineCommand({
  usage: 'rule list',
  summary: 'List the rules that make plans by themselves.',
  run: async ({ client, output, signal }) => {
    const rules = await readAll(
      (query) => client.listPrefetchRules({ query, signal }),
      (page) => page.rules,
    )
    output.show({ rules, next: null }, () =>
      rules.length === 0 ? 'There is no rule ("shoal rule set").' : formatTable(rules, columns),
    )
    return EXIT.ok
  },
})
