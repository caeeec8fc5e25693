import { until } from '../../test/harness/until.ts'

const PORT = 9229
const ANSWER_MS = 60_000

interface Answer {
  readonly id?: number
  readonly result?: unknown
  readonly error?: { readonly message: string }
}

/** What a process has to be started with so that it can be inspected at that address: nothing listens there before. */
export function inspectable(host: string): NodeJS.ProcessEnv {
  return { NODE_OPTIONS: `--inspect-port=${host}:${PORT}` }
}

/** A process of Node as its inspector sees it (Chrome DevTools Protocol). */
export class InspectedProcess implements Disposable {
  readonly #socket: WebSocket
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>()
  #id = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => {
      const { id = 0, result, error } = JSON.parse(String(data)) as Answer
      const asked = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) asked?.resolve(result)
      else asked?.reject(new Error(error.message))
    })
    socket.addEventListener('close', () => {
      for (const asked of this.#waiting.values()) asked.reject(new Error('the inspected process is gone'))
    })
  }

  static async open(pid: number, host: string): Promise<InspectedProcess> {
    process.kill(pid, 'SIGUSR1')
    const url = await until('the inspector answers', async () => {
      const [target] = (await (await fetch(`http://${host}:${PORT}/json/list`)).json()) as {
        webSocketDebuggerUrl: string
      }[]
      return target?.webSocketDebuggerUrl
    })
    const socket = new WebSocket(url)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true })
      socket.addEventListener('error', () => reject(new Error('the inspector cannot be reached')), { once: true })
    })
    return new InspectedProcess(socket)
  }

  async call<T>(method: string, params: object = {}): Promise<T> {
    this.#id += 1
    const asked = Promise.withResolvers<unknown>()
    this.#waiting.set(this.#id, asked)
    this.#socket.send(JSON.stringify({ id: this.#id, method, params }))
    const late = setTimeout(() => asked.reject(new Error(`no answer to ${method}`)), ANSWER_MS)
    try {
      return (await asked.promise) as T
    } finally {
      clearTimeout(late)
    }
  }

  /** What is in use once all that nobody needs is collected. Bytes. */
  async usedHeapBytes(): Promise<number> {
    await this.call('HeapProfiler.collectGarbage')
    return (await this.call<{ usedSize: number }>('Runtime.getHeapUsage')).usedSize
  }

  [Symbol.dispose](): void {
    this.#socket.close()
  }
}
