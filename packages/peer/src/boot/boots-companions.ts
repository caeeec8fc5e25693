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

interface Recording {
  readonly image: string
  readonly recorder: BootRecorder
}

/** Fetches first what boots read, by the profiles of their images, and records those that the seed wants to know. */
export class Companions implements BootCompanions, AsyncDisposable {
  readonly #deps: CompanionsDeps
  readonly #node: string
  /** The last of each disk. */
  readonly #recorders = new Map<string, BootRecorder>()
  /** Those that are under way or wait to be sent. */
  readonly #recordings = new Set<Recording>()
  readonly #stop = new AbortController()
  readonly #sending = new Set<Promise<unknown>>()
  /** What is sent goes one after the other. */
  #turn: Promise<unknown> = Promise.resolve()

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
    const recording = { image, recorder }
    this.#recordings.add(recording)
    const sent = this.#send(recording).finally(() => {
      this.#recordings.delete(recording)
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
    for (const { recorder } of this.#recordings) recorder.cancel()
    await Promise.all(this.#sending)
  }

  /** Never rejects. */
  async #send(recording: Recording): Promise<void> {
    const profile = await recording.recorder.done
    if (profile === undefined) return
    this.#turn = this.#turn.then(() => this.#sendNext(recording, profile))
    await this.#turn
  }

  /** When the seed wants no more of an image, of which many machines may have booted at once, the rest is dropped. */
  async #sendNext(recording: Recording, profile: string): Promise<void> {
    const { image } = recording
    const { signal } = this.#stop
    if (signal.aborted || !this.#recordings.has(recording)) return
    const wantsMore = await sendRecording(this.#deps, { node: this.#node, image, profile }, { signal })
    if (wantsMore) return
    for (const other of this.#recordings) {
      if (other.image !== image) continue
      this.#recordings.delete(other)
      other.recorder.cancel()
    }
  }
}
