import type { PlanUnmet } from '@shoal/api'
import { plainText } from '../format/plain-text.ts'
import { listNames } from './describe-target.ts'

const SHOWN_AT_MOST = 20

/** What of a plan cannot be met, why, and the nearest that can, a paragraph for people; empty when all can. */
export function formatUnmet(unmet: readonly PlanUnmet[]): string {
  if (unmet.length === 0) return ''
  const lines = unmet
    .slice(0, SHOWN_AT_MOST)
    .flatMap(({ image, reason, message, nodes, nodeCount, earliestAt }) => [
      `  ${image}: ${reason}: ${message}`,
      ...(nodes.length === 0
        ? []
        : [`    on ${nodeCount} node${nodeCount === 1 ? '' : 's'}: ${listNames(nodes, nodeCount)}`]),
      ...(earliestAt === null ? [] : [`    a deadline that can be kept: ${earliestAt}`]),
    ])
  const more = unmet.length > SHOWN_AT_MOST ? [`  (${unmet.length - SHOWN_AT_MOST} more with --json)`] : []
  return ['CANNOT BE MET', ...lines.map(plainText), ...more].join('\n')
}
