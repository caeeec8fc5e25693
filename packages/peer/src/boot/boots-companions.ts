import type { Clock, Digest, Logger } from '@shoal/core'
import type { BootCompanions, ServedBoot } from './boots-ports.ts'
import type { ProfilePrefetches } from './profile-prefetches.ts'
import { BootRecorder } from './recorder.ts'
import { type RecordingSenderDeps, sendRecording } from './recording-sender.ts'

export interface CompanionsDeps extends RecordingSenderDeps {
  readonly prefetches: Pick<ProfilePrefetches, 'hold'>
  /** That of the times of reads. */
  readonly readClock: Clock
  readonly clock: Clock
  readonly logger: Logger
}

/** Fetches first what boots read, by the profiles of their images, and records those that the seed wants to know. */
export class Companions implements BootCompanions, AsyncDisposable {
  readonly #deps: CompanionsDeps
  readonly #node: string
  readonly #recorders = new Map<string, BootRecorder>()
  readonly #stop = new AbortController()
  readonly #sending = new Set<Promise<unknown>>()

  constructor(deps: CompanionsDeps, options: { node: string }) {
    this.#deps = deps
    this.#node = options.node
  }

  prefetch(image: string, layers: readonly Digest[]): () => void {
    return this.#deps.prefetches.hold(image, layers)
  }

  record({ name, image, virtualSizeBytes }: ServedBoot & { readonly image: string }): void {
    this.ended(name)
    const recorder = new BootRecorder({ clock: this.#deps.readClock }, { recordedOn: image, virtualSizeBytes })
    this.#recorders.set(name, recorder)
    const sent = this.#send(image, recorder).finally(() => {
      if (this.#recorders.get(name) === recorder) this.#recorders.delete(name)
      this.#sending.delete(sent)
    })
    this.#sending.add(sent)
  }

  isRecording(name: string): boolean {
    return this.#recorders.get(name)?.isOver === false
  }

  /** A machine reads its disk; `atMs` by the clock of reads. */
  onRead(name: string, offset: number, length: number, atMs: number): void {
    this.#recorders.get(name)?.onRead(offset, length, atMs)
  }

  ended(name: string): void {
    this.#recorders.get(name)?.end()
  }

  /** What is being recorded when the daemon stops is not a whole boot, and is dropped. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the peer is stopping'))
    for (const recorder of this.#recorders.values()) recorder.end()
    await Promise.all(this.#sending)
  }

  /** Never rejects. */
  async #send(image: string, recorder: BootRecorder): Promise<void> {
    const profile = await recorder.done
    const { signal } = this.#stop
    if (profile === undefined || signal.aborted) return
    await sendRecording(this.#deps, { node: this.#node, image, profile }, { signal })
  }
}
