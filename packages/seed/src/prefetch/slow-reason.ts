import type { PlanNode } from '@shoal/api'
import type { Digest } from '@shoal/core'
import type { NodeProgress } from './node-progress.ts'

/** What is true of the whole plan now. */
export interface SlowContext {
  readonly isPaused: boolean
  /** Before it nothing moves; null when that is over. ISO 8601. */
  readonly notBefore: string | null
  /** Layers of images that are being read from the library. */
  readonly toCome: ReadonlySet<Digest>
  /** Why a layer is not asked for any more that is not there; for people. */
  readonly ended: string
  /** What the plan lets each node receive; null: as much as it can. Bytes per second. */
  readonly nodeLimit: (node: string) => number | null
  /** The rate of the node in the middle. Bytes per second. */
  readonly medianRate: number
}

/** From this part of a limit on it is the limit that holds a node up. */
const LIMIT_SHARE = 0.85
const SLOW_SHARE = 0.5

type Reason = NonNullable<PlanNode['reason']>

/** Why a node is not ready yet, for people: the first of what holds it up. Null when it just takes its time. */
export function slowReason(node: string, row: NodeProgress, context: SlowContext): Reason | null {
  const reason = (code: Reason['code'], message: string): Reason => ({ code, message })
  if (row.presence === 'excluded') return reason('lost', 'It sends no heartbeats; it goes on when it is back.')
  if (row.presence === 'lost') return reason('lost', 'It sends no heartbeats.')
  if (row.error !== null) return reason('error', `${row.error.message} ${row.error.hint}`.slice(0, 1000))
  if (row.failedAt !== null) return reason('error', context.ended)
  if (context.notBefore !== null) return reason('not-before', `Nothing moves before ${context.notBefore}.`)
  if (context.isPaused) return reason('paused', 'The plan is paused.')
  const isToCome = [...row.missing].every((layer) => context.toCome.has(layer))
  if (isToCome) return reason('importing', 'The image is being read from the library.')
  if (row.presence === 'unreachable') return reason('unreachable', 'Other nodes cannot connect to it.')
  const limit = context.nodeLimit(node)
  if (limit === 0) return reason('queued', "The plan's limit is used up by others: it waits for its turn.")
  if (row.peers === 0) return reason('no-source', 'It is connected to nobody who has what it lacks.')
  if (limit !== null && row.bytesPerSecond >= limit * LIMIT_SHARE) {
    return reason('limited', `The plan's limit lets it receive ${Math.round(limit)} bytes a second.`)
  }
  if (row.bytesPerSecond > 0 && row.bytesPerSecond < context.medianRate * SLOW_SHARE) {
    return reason('slow-link', `It receives less than half of what the node in the middle does.`)
  }
  if (row.state === 'waiting') return reason('queued', 'It waits for its turn.')
  return null
}
