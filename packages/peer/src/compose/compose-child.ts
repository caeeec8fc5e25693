// The process that composes one disk: started by compose-process.ts, told its task and asked for its progress by
// messages.
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { getPriority, setPriority } from 'node:os'
import { errorBody } from '../error-body.ts'
import { composeFailure } from './compose-failure.ts'
import type { ComposeJob, ComposeMessage } from './compose-job.ts'
import { writeDisk } from './write-disk.ts'

const NICE = 10
/** The kernel ends this process before any other of the service when memory is short. */
const OOM_SCORE = '1000'
const PROGRESS_INTERVAL_MS = 250

stepBack()
process.once('message', (job) => void compose(job as ComposeJob))
// The daemon has died: its next run begins anew.
process.once('disconnect', () => process.exit(1))

async function compose(job: ComposeJob): Promise<void> {
  let toldAt = Number.NEGATIVE_INFINITY
  const onProgress = (doneBytes: number) => {
    const now = performance.now()
    if (now - toldAt < PROGRESS_INTERVAL_MS && doneBytes < job.virtualSizeBytes) return
    toldAt = now
    tell({ type: 'progress', doneBytes })
  }
  try {
    end({ type: 'done', file: await writeDisk(job, { onProgress, reserve }) })
  } catch (error) {
    const failure = composeFailure(error, job.path)
    // A bug ends the process with its stack.
    if (failure === undefined) throw error
    end({ type: 'failed', error: errorBody(failure) })
  }
}

/** Waits until there is room for what is to be written; without it the daemon ends this process. */
async function reserve(bytes: number): Promise<void> {
  const go = once(process, 'message')
  tell({ type: 'needs', bytes })
  await go
}

/** The last message: the process ends by itself when it is sent. */
function end(message: ComposeMessage): void {
  process.removeAllListeners('disconnect')
  process.send?.(message, () => process.disconnect())
}

function tell(message: ComposeMessage): void {
  process.send?.(message)
}

/** Virtual machines and the daemon come first. A machine that does not allow this is none the worse for it. */
function stepBack(): void {
  try {
    const nice = Math.max(NICE, getPriority())
    // On Linux each thread has a priority of its own; those that follow inherit that of this one.
    for (const thread of readdirSync('/proc/self/task')) setPriority(Number(thread), nice)
    writeFileSync('/proc/self/oom_score_adj', OOM_SCORE)
  } catch {}
}
