import { AUDIT_OUTCOMES, type AuditEntry } from '@shoal/api'
import { defineCommand } from '../command.ts'
import { actorOption } from '../event/actor-option.ts'
import { EXIT } from '../exit-code.ts'
import { type Column, formatTable } from '../format/table.ts'

const DEFAULT_LAST = 50
const PAGE_ENTRIES = 500

const columns: readonly Column<AuditEntry>[] = [
  { title: 'AT', value: ({ at }) => at },
  { title: 'WHO', value: ({ actor }) => actor },
  { title: 'FROM', value: ({ address }) => address },
  { title: 'DID', value: ({ action }) => action },
  { title: 'TO', value: ({ subject }) => subject },
  { title: 'OUTCOME', value: ({ outcome, code }) => (code === null ? outcome : `${outcome} ${code}`) },
  { title: 'SKIPPED', align: 'right', value: ({ skipped }) => (skipped === 0 ? '' : String(skipped)) },
]

export const auditList = defineCommand({
  usage: 'audit list',
  summary: 'List who changed what over the API and who was refused, the latest last.',
  options: {
    last: { type: 'number', default: DEFAULT_LAST, requiresArg: true, describe: 'How many of the latest entries' },
    actor: actorOption,
    outcome: { choices: AUDIT_OUTCOMES, requiresArg: true, describe: 'Only what ended so' },
  },
  examples: [['audit list --outcome refused', 'who was turned away, and why']],
  run: async ({ client, output, signal }, { last, actor, outcome }) => {
    let entries: AuditEntry[] = []
    for (let after = 0; last > 0; ) {
      const page = await client.listAudit({ query: { after, limit: PAGE_ENTRIES, actor, outcome }, signal })
      entries = [...entries, ...page.entries].slice(-last)
      after = page.entries.at(-1)?.id ?? after
      if (page.entries.length < PAGE_ENTRIES) break
    }
    output.show({ entries }, () => (entries.length === 0 ? 'Nobody did anything.' : formatTable(entries, columns)))
    return EXIT.ok
  },
})
