import { operations } from '@shoal/api'

/** Readers of a seed's events, as scripts and terminals are: they take what comes, and look at no more of it than how much it is. */
export class EventReaders implements AsyncDisposable {
  readonly #over = new AbortController()
  readonly #runs: Promise<void>[] = []
  #bytes = 0

  constructor({ url, token, readers }: { url: string; token: string; readers: number }) {
    for (let reader = 0; reader < readers; reader += 1)
      this.#runs.push(this.#read(url + operations.streamEvents.path, token))
  }

  /** Since this was asked last. */
  takeBytes(): number {
    const bytes = this.#bytes
    this.#bytes = 0
    return bytes
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#over.abort()
    await Promise.all(this.#runs)
  }

  async #read(url: string, token: string): Promise<void> {
    const { signal } = this.#over
    try {
      const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal })
      if (answer.status !== 200 || answer.body === null) throw new Error(`no stream of events: ${answer.status}`)
      for await (const chunk of answer.body) this.#bytes += chunk.length
    } catch (error) {
      if (!signal.aborted) throw error
    }
  }
}
