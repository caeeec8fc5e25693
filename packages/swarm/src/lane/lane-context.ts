import type { BlockBuffers, Clock } from '@shoal/core'
import { BlockIntake } from './block-intake.ts'
import { HaveTimer } from './have-queue.ts'
import { LaneWatch } from './lane-watch.ts'

/** What the lanes of a process share, in both directions. */
export interface LaneContext {
  readonly buffers: BlockBuffers
  readonly intake: BlockIntake
  readonly watch: LaneWatch
  readonly haveTimer: HaveTimer
}

export function createLaneContext({ clock, buffers }: { clock: Clock; buffers: BlockBuffers }): LaneContext {
  return { buffers, intake: new BlockIntake(buffers), watch: new LaneWatch(clock), haveTimer: new HaveTimer(clock) }
}
