import { setTimeout as sleep } from 'node:timers/promises'
import { NbdClient } from '@shoal/nbd/client'

const READ = 0

/** A client that reads one thing at a time and tells how long it waited. */
export class NbdReader implements Disposable {
  readonly #client: NbdClient

  private constructor(client: NbdClient) {
    this.#client = client
  }

  /** Opens the default disk of a socket. */
  static async open(path: string): Promise<NbdReader> {
    const client = await NbdClient.connect({ path })
    await client.greet()
    await client.go('')
    return new NbdReader(client)
  }

  /** Resolves with milliseconds. */
  async read(offset: number, length: number, { timeoutMs }: { timeoutMs: number }): Promise<number> {
    const begin = performance.now()
    const late = new AbortController()
    const expired = sleep(timeoutMs, undefined, { signal: late.signal }).then(() => {
      throw new Error(`a read at ${offset} is not answered in ${timeoutMs} ms`)
    })
    try {
      this.#client.request({ type: READ, offset, length })
      const { errno } = await Promise.race([this.#client.simpleReply(length), expired])
      if (errno !== 0) throw new Error(`a read at ${offset} fails with errno ${errno}`)
      return performance.now() - begin
    } finally {
      late.abort()
      expired.catch(() => {})
    }
  }

  [Symbol.dispose](): void {
    this.#client.close()
  }
}
