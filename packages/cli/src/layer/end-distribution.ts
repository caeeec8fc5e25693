import type { CommandContext } from '../context.ts'
import { EXIT, type ExitCode } from '../exit-code.ts'
import type { Distribution } from '../follow/distribution.ts'
import { shortDigest } from '../resolve/layer.ts'

const NAMED_AT_MOST = 10

/** Says how a distribution ended. */
export function endDistribution({ output }: CommandContext, state: Distribution): ExitCode {
  output.note(describeEnd(state))
  return state.complete === state.nodes ? EXIT.ok : EXIT.incomplete
}

/** How a distribution ended, for people. */
export function describeEnd(state: Distribution): string {
  const layer = shortDigest(state.layer)
  if (state.nodes === 0) return `${layer}: assigned to no node ("shoal layer assign ${layer} --all")`
  const lines = [`${layer}: on ${state.complete} of ${state.nodes} nodes, seed copies ${state.seedCopies.toFixed(2)}`]
  if (state.failed.length > 0) lines.push(`failed on ${names(state.failed)} ("shoal node show" tells why)`)
  if (state.lost.length > 0) lines.push(`no heartbeat from ${names(state.lost)}`)
  if (state.evicted.length > 0) lines.push(`evicted from ${names(state.evicted)} ("shoal event list" tells why)`)
  if (state.unassigned.length > 0) lines.push(`no longer assigned to ${names(state.unassigned)}`)
  return lines.join('\n')
}

function names(nodes: readonly string[]): string {
  const more = nodes.length - NAMED_AT_MOST
  return `${nodes.slice(0, NAMED_AT_MOST).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}
