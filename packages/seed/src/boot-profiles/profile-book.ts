import type { StateOperation, StateStore } from '@shoal/state'
import type { KeptRecording, ProfileRecord, ProfileSubject } from './profile-record.ts'

const PROFILES = 'seed/boot-profile/'
const RECORDINGS = 'seed/boot-recordings/'
/** Of 10 KB in memory each; those that nobody recorded for longest give way. */
const MAX_PROFILES = 2000

/**
 * Boot profiles, in memory and durable, and the recordings that they were made of, which are read when they are needed.
 */
export class ProfileBook {
  readonly #state: Pick<StateStore, 'get' | 'batch' | 'range'>
  readonly #profiles = new Map<ProfileSubject, ProfileRecord>()
  #newest = 0

  constructor(state: Pick<StateStore, 'get' | 'batch' | 'range'>) {
    this.#state = state
  }

  async open(): Promise<void> {
    for await (const { value } of this.#state.range<ProfileRecord>({ prefix: PROFILES })) {
      this.#profiles.set(value.subject, value)
      this.#newest = Math.max(this.#newest, value.revision)
    }
  }

  get(subject: ProfileSubject): ProfileRecord | undefined {
    return this.#profiles.get(subject)
  }

  subjects(): ProfileSubject[] {
    return [...this.#profiles.keys()]
  }

  /** A number above that of every profile there is. */
  nextRevision(): number {
    this.#newest += 1
    return this.#newest
  }

  /** The oldest first. */
  async recordings(subject: ProfileSubject): Promise<readonly KeptRecording[]> {
    return (await this.#state.get<readonly KeptRecording[]>(RECORDINGS + subject))?.value ?? []
  }

  /** Replaces profiles together with their recordings; holds at once, and is durable when it resolves. */
  async put(made: readonly { record: ProfileRecord; recordings: readonly KeptRecording[] }[]): Promise<void> {
    const operations = made.flatMap(({ record, recordings }): StateOperation[] => {
      const { subject } = record
      this.#profiles.set(subject, record)
      return [
        { type: 'put', key: PROFILES + subject, value: record },
        { type: 'put', key: RECORDINGS + subject, value: recordings },
      ]
    })
    const ages = [...this.#profiles.values()].sort((a, b) => (a.recordedAt < b.recordedAt ? -1 : 1))
    const oldest = ages.slice(0, Math.max(0, ages.length - MAX_PROFILES)).map(({ subject }) => subject)
    await this.#state.batch([...operations, ...this.#removed(oldest)])
  }

  async remove(subjects: readonly ProfileSubject[]): Promise<void> {
    if (subjects.length > 0) await this.#state.batch(this.#removed(subjects))
  }

  #removed(subjects: readonly ProfileSubject[]): StateOperation[] {
    return subjects.flatMap((subject): StateOperation[] => {
      this.#profiles.delete(subject)
      return [
        { type: 'delete', key: PROFILES + subject },
        { type: 'delete', key: RECORDINGS + subject },
      ]
    })
  }
}
