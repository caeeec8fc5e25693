// `npm run audit`: fails on high and critical advisories about what package-lock.json names. Policy: docs/supply-chain.md.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type AuditException, judgeAudit } from './judge-audit.ts'

const EXIT = { found: 1, unanswered: 2 } as const
const root = join(import.meta.dirname, '../..')
const exceptions = JSON.parse(
  readFileSync(join(import.meta.dirname, 'audit-exceptions.json'), 'utf8'),
) as AuditException[]
const { stdout } = spawnSync('npm', ['audit', '--json'], { cwd: root, encoding: 'utf8', maxBuffer: 64 * 1024 ** 2 })
try {
  const findings = judgeAudit(JSON.parse(stdout), exceptions, new Date())
  for (const { package: name, severity, advisory, title } of findings)
    console.error(`${severity}: ${name}: ${title} ${advisory}`)
  console.error(findings.length === 0 ? 'no high or critical advisory' : `${findings.length} to be dealt with`)
  process.exitCode = findings.length === 0 ? 0 : EXIT.found
} catch (error) {
  console.error(
    `The registry answers no audits, so nothing is known: ${String(error)}. Ask one that does (npm config get registry).`,
  )
  process.exitCode = EXIT.unanswered
}
