import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { errorMessage, ShoalError } from '@shoal/core'
import { type ComposedFile, type ComposeJob, type ComposeMessage, GO } from './compose-job.ts'
import { composeError } from './errors.ts'

const PROGRAM = fileURLToPath(new URL('./compose-child.ts', import.meta.url))
/** Of V8's heap; buffers are beside it, and bounded by how images are read. */
const MAX_HEAP = '--max-old-space-size=256'
/** What is kept of the last words of a child that dies. */
const MAX_STDERR = 2000

export interface ComposeOptions {
  readonly signal: AbortSignal
  readonly onProgress: (doneBytes: number) => void
  /** Promises room for a file before anything is written to it; throws when there is none. */
  readonly reserve: (path: string, bytes: number) => Promise<void>
}

/** Composes one disk; what is left of a file when it fails is the caller's to remove. */
export type ComposeDisk = (job: ComposeJob, options: ComposeOptions) => Promise<ComposedFile>

/**
 * Composes a disk in a process of its own, so that reading, inflating and writing do not hold up the daemon, and an
 * image that is made to exhaust its reader ends that process only. It is killed when aborted; then this rejects with
 * the signal's reason, once it is dead.
 */
export async function composeInChild(job: ComposeJob, options: ComposeOptions): Promise<ComposedFile> {
  const { signal, onProgress } = options
  signal.throwIfAborted()
  const child = fork(PROGRAM, [], {
    execArgv: [MAX_HEAP],
    env: {},
    cwd: '/',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const kill = () => void child.kill('SIGKILL')
  signal.addEventListener('abort', kill, { once: true })
  let last: ComposeMessage | undefined
  let refusal: unknown
  const reserve = async (bytes: number) => {
    try {
      await options.reserve(job.path, bytes)
      child.send(GO)
    } catch (error) {
      refusal = error
      kill()
    }
  }
  child.on('message', (message: ComposeMessage) => {
    last = message
    if (message.type === 'progress') onProgress(message.doneBytes)
    if (message.type === 'needs') void reserve(message.bytes)
  })
  try {
    const reason = await whenEnded(child, job)
    signal.throwIfAborted()
    if (refusal !== undefined) throw refusal
    if (last?.type === 'done') return last.file
    if (last?.type === 'failed') {
      const { code, message, hint, details } = last.error
      throw new ShoalError(code, message, { hint, details })
    }
    throw composeError('SHOAL_COMPOSE_CRASHED', { path: job.path, reason })
  } finally {
    signal.removeEventListener('abort', kill)
  }
}

/** Sends the task and waits for the end; resolves with what there is to say of it. */
function whenEnded(child: ChildProcess, job: ComposeJob): Promise<string> {
  let words = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    words = (words + text).slice(-MAX_STDERR)
  })
  return new Promise((resolve) => {
    child.on('error', (error) => {
      words += errorMessage(error)
      // Without an id there never was a process, and no end of it will be told.
      if (child.pid === undefined) resolve(words)
    })
    child.once('close', (code, signal) => {
      const how = signal === null ? `exit code ${code}` : `killed by ${signal}`
      resolve(words.trim() === '' ? how : `${how}: ${words.trim()}`)
    })
    child.send(job, (error) => {
      if (error !== null) words += errorMessage(error)
    })
  })
}
