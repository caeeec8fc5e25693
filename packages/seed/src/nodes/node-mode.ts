import type { Actor, Inventory, NodeMode, NodeModeStatus } from '@shoal/api'
import type { EventDraft } from '../events/event-journal.ts'

/** What is kept of a node's mode over restarts. */
export interface ModeRecord {
  readonly mode: NodeMode
  readonly reason: string
  /** Who set it. */
  readonly by: Actor
  /** ISO 8601. */
  readonly since: string
  /** When it was told that the node may go; undefined: it may not. */
  readonly drainedAt?: string
}

/** A mode that is to be set. */
export type NewMode = Pick<ModeRecord, 'mode' | 'reason' | 'by'>

export function modeOf(record: { readonly mode?: ModeRecord }): NodeMode {
  return record.mode?.mode ?? 'active'
}

export function modeStatus(record: { readonly mode?: ModeRecord }, isDrained: boolean): NodeModeStatus {
  const { mode = 'active', reason = '', by = null, since = null } = record.mode ?? {}
  return { mode, reason, by, since, isDrained }
}

/** Whether nothing on a node would be missed: no disk is served, and no layer is there in part that somebody waits for. */
export function isIdle(inventory: Inventory | null, isWanted: (layer: string) => boolean): boolean {
  if (inventory === null || (inventory.boots?.length ?? 0) > 0) return false
  return inventory.layers.every(({ digest, state }) => state === 'complete' || state === 'evicted' || !isWanted(digest))
}

const DONE = { active: 'takes part again', draining: 'drains', quarantined: 'is in quarantine' } as const

/** The event that tells of a change of mode. */
export function modeEvent(node: string, before: NodeMode, { mode, reason, by }: NewMode): EventDraft {
  const why = reason === '' ? '' : `: ${reason}`
  const message = `Node ${node} ${DONE[mode]}${why}`.slice(0, 999)
  return { type: 'node.mode-changed', actor: by, node, message: `${message}.`, details: { mode, before, reason } }
}

/** Notes whether the node may go; with the event that tells of it when it may now and could not before. */
export function noteDrained(
  node: string,
  record: ModeRecord,
  { isDrained, at }: { isDrained: boolean; at: string },
): { readonly record: ModeRecord; readonly drafts: readonly EventDraft[] } {
  const { drainedAt, ...rest } = record
  if (isDrained === (drainedAt !== undefined)) return { record, drafts: [] }
  if (!isDrained) return { record: rest, drafts: [] }
  const message = `Node ${node} is drained: it serves no disk, and nothing is on its way to it.`
  return { record: { ...rest, drainedAt: at }, drafts: [{ type: 'node.drained', node, message, details: {} }] }
}
