/** A finding that is known and lived with, until a day. */
export interface AuditException {
  /** As `npm audit` names it: the address of the advisory. */
  readonly advisory: string
  /** ISO 8601; from this day on the finding fails again. */
  readonly until: string
  readonly reason: string
}

export interface AuditFinding {
  readonly package: string
  readonly severity: string
  readonly advisory: string
  readonly title: string
}

const FAILS: ReadonlySet<string> = new Set(['high', 'critical'])

/** What of an answer of `npm audit --json` (its version 2) has to be dealt with now. Throws for what is no such answer. */
export function judgeAudit(answer: unknown, exceptions: readonly AuditException[], today: Date): AuditFinding[] {
  const { vulnerabilities } = (answer ?? {}) as { vulnerabilities?: unknown }
  if (typeof vulnerabilities !== 'object' || vulnerabilities === null) throw new Error('npm answered with no audit')
  const accepted = new Set(exceptions.filter(({ until }) => new Date(until) > today).map(({ advisory }) => advisory))
  const findings = new Map<string, AuditFinding>()
  for (const [name, found] of Object.entries(vulnerabilities as Record<string, { via?: unknown[] }>)) {
    for (const via of found.via ?? []) {
      // A name means that the fault is in a dependency, which is listed itself.
      if (typeof via !== 'object' || via === null) continue
      const { severity = '', url = '', title = '' } = via as { severity?: string; url?: string; title?: string }
      if (!FAILS.has(severity) || accepted.has(url)) continue
      findings.set(`${name} ${url}`, { package: name, severity, advisory: url, title })
    }
  }
  return [...findings.values()]
}
