import type { NodeMode, NodeModeStatus } from '@shoal/api'
import type { CommandContext } from '../context.ts'

/** What every command takes that sets the mode of a node. */
export const modePositionals = { node: { type: 'string', demandOption: true, describe: 'Name of a node' } } as const
export const reasonOption = {
  type: 'string',
  requiresArg: true,
  describe: 'Why, for others: it is shown with the node and in the journal',
} as const

/** Sets a node's mode. The same once more changes nothing. */
export function setMode(
  { client, signal }: CommandContext,
  { node, mode, reason }: { node: string; mode: NodeMode; reason: string | undefined },
): Promise<NodeModeStatus> {
  return client.setNodeMode({ params: { node }, body: { mode, reason }, signal })
}

/** `draining since ... (new disks), drained`; nothing of one that is active and always was. */
export function describeMode({ mode, reason, by, since, isDrained }: NodeModeStatus): string {
  if (since === null) return mode
  const who = by === null ? '' : `, by ${by}`
  const why = reason === '' ? '' : `: ${reason}`
  return `${mode}${isDrained ? ', drained' : ''} since ${since}${who}${why}`
}
