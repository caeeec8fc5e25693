import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { createInterface } from 'node:readline'

/** Something QEMU tells by itself, such as STOP or BLOCK_IO_ERROR. */
export interface QmpEvent {
  readonly event: string
  readonly data?: Readonly<Record<string, unknown>>
}

type QmpLine = Partial<QmpEvent> & {
  readonly id?: number
  readonly return?: unknown
  readonly error?: { readonly desc: string }
}

/** A connection to QEMU's monitor. */
export class Qmp {
  /** What it told, in order. */
  readonly events: QmpEvent[] = []
  readonly #socket: Socket
  readonly #answers = new Map<number, PromiseWithResolvers<unknown>>()
  #count = 0

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.on('error', () => {})
    createInterface(socket).on('line', (line) => this.#take(JSON.parse(line)))
    socket.once('close', () => {
      for (const { reject } of this.#answers.values()) reject(new Error('QEMU has closed its monitor'))
      this.#answers.clear()
    })
  }

  /** Connects to the monitor's socket. */
  static async connect(path: string): Promise<Qmp> {
    const socket = connect(path)
    await once(socket, 'connect')
    const qmp = new Qmp(socket)
    await qmp.execute('qmp_capabilities')
    return qmp
  }

  /** Gives what the command returns. Throws with QEMU's words. */
  execute(command: string, args: object = {}): Promise<unknown> {
    this.#count += 1
    const answer = Promise.withResolvers<unknown>()
    this.#answers.set(this.#count, answer)
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: args, id: this.#count })}\n`)
    return answer.promise
  }

  close(): void {
    this.#socket.destroy()
  }

  #take({ id, event, data, error, ...line }: QmpLine): void {
    if (event !== undefined) this.events.push({ event, ...(data === undefined ? {} : { data }) })
    const answer = this.#answers.get(id ?? 0)
    if (answer === undefined || id === undefined) return
    this.#answers.delete(id)
    if (error === undefined) answer.resolve(line.return)
    else answer.reject(new Error(error.desc))
  }
}
