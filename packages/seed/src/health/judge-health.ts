import { HEALTH_SEVERITIES, type HealthReason, type SwarmHealth } from '@shoal/api'
import type { FleetFacts } from './fleet-facts.ts'
import { healthRules } from './health-rules.ts'

const MAX_REASONS = 100
/** So many reasons are told in the sentence. */
const TOLD = 2

/** Whether the swarm is well, in one sentence, and everything that speaks against it, the worst first. Pure. */
export function judgeHealth(facts: FleetFacts, rules = healthRules): SwarmHealth {
  const reasons = rules
    .flatMap((rule) => rule(facts))
    .sort((a, b) => HEALTH_SEVERITIES.indexOf(a.severity) - HEALTH_SEVERITIES.indexOf(b.severity))
    .slice(0, MAX_REASONS)
  const worst = reasons[0]?.severity
  const verdict = worst === 'critical' ? 'critical' : worst === 'warning' ? 'degraded' : 'healthy'
  return { verdict, sentence: sentenceOf(verdict, reasons, facts), reasons }
}

function sentenceOf(
  verdict: SwarmHealth['verdict'],
  reasons: readonly HealthReason[],
  { nodes, plans }: FleetFacts,
): string {
  if (verdict === 'healthy') {
    const running = plans.filter(({ state }) => state === 'running').length
    const busy = running === 0 ? '' : `, ${running} ${running === 1 ? 'plan' : 'plans'} under way`
    return `The swarm is healthy: ${nodes.ready} ${nodes.ready === 1 ? 'node is' : 'nodes are'} ready${busy}.`
  }
  const grave = reasons.filter(({ severity }) => severity !== 'notice')
  const told = grave.slice(0, TOLD).map(({ message }) => message.replace(/\.$/, ''))
  const more = grave.length > TOLD ? `; and ${grave.length - TOLD} more` : ''
  const word = verdict === 'critical' ? 'in trouble' : 'degraded'
  return `The swarm is ${word}: ${told.join('; ')}${more}.`.slice(0, 1000)
}
