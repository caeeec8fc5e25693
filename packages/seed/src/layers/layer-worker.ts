import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { ShoalError } from '@shoal/core'
import { seedError } from '../errors.ts'
import type { LayerAnswer, LayerResults, LayerTask } from './layer-task.ts'

const ENTRY = new URL('./layer-process.ts', import.meta.url)
/** A hostile image must not take the machine's memory, whatever it has found to make us allocate. */
const MAX_OLD_SPACE_MIB = 512

/** A process that works on layers; one task at a time. It ends with its owner. */
export class LayerWorker implements AsyncDisposable {
  readonly #child: ChildProcess
  readonly #image: string

  constructor(image: string) {
    this.#image = image
    const execArgv = [`--max-old-space-size=${MAX_OLD_SPACE_MIB}`]
    this.#child = fork(ENTRY, { execArgv, stdio: ['ignore', 'ignore', 'inherit', 'ipc'], serialization: 'advanced' })
  }

  /** Throws the code that the task failed with, `SHOAL_LAYERING_PROCESS` when the process ends, or the signal's reason. */
  async run<T extends LayerTask>(
    task: T,
    { signal, onProgress }: { signal: AbortSignal; onProgress?: (doneBytes: number) => void },
  ): Promise<LayerResults[T['type']]> {
    signal.throwIfAborted()
    const child = this.#child
    const { promise, resolve, reject } = Promise.withResolvers<LayerResults[T['type']]>()
    const onMessage = (answer: LayerAnswer) => {
      if (answer.type === 'progress') onProgress?.(answer.doneBytes)
      // The process answers a task with that task's result.
      else if (answer.type === 'done') resolve(answer.result as LayerResults[T['type']])
      else reject(this.#fault(answer))
    }
    const onExit = (code: number | null, by: string | null) => reject(this.#ended(by ?? `code ${code}`))
    const onError = (error: Error) => reject(this.#ended(error.message, error))
    const onAbort = () => reject(signal.reason)
    child.on('message', onMessage).once('exit', onExit).once('error', onError)
    signal.addEventListener('abort', onAbort, { once: true })
    try {
      child.send(task)
      return await promise
    } finally {
      child.off('message', onMessage).off('exit', onExit).off('error', onError)
      signal.removeEventListener('abort', onAbort)
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited.catch(() => {})
  }

  #fault({ code, message, hint }: Extract<LayerAnswer, { type: 'failed' }>): Error {
    if (code?.startsWith('SHOAL_')) return new ShoalError(code, message, { hint: hint ?? '' })
    return seedError('SHOAL_LAYERING_IO', { image: this.#image, reason: message })
  }

  #ended(reason: string, cause?: unknown): Error {
    return seedError('SHOAL_LAYERING_PROCESS', { image: this.#image, reason }, cause)
  }
}
