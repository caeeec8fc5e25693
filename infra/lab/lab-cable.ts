import { ipCommand, ipCommands } from './ip-command.ts'
import { tokenBucket } from './token-bucket.ts'

/** One end of a cable: a link in a network namespace. */
export interface CableEnd {
  readonly namespace: string
  readonly link: string
}

/** A cable of the lab, from a switch's port to a host or to a rack's switch. */
export class LabCable {
  readonly #port: CableEnd
  readonly #far: CableEnd

  constructor(port: CableEnd, far: CableEnd) {
    this.#port = port
    this.#far = far
  }

  /** Pulls it: who is behind it keeps their addresses and hears nothing more. */
  async cutOff(): Promise<void> {
    await this.#setPort('down')
  }

  /** Plugs it in again. */
  async restore(): Promise<void> {
    await this.#setPort('up')
  }

  /** Gives it another rate, each way. It must have one in the lab's plan. */
  async setRate(rateMbit: number): Promise<void> {
    const shape = tokenBucket(rateMbit)
    await ipCommands(
      [this.#port, this.#far].map(({ namespace, link }) => `tc -n ${namespace} qdisc change dev ${link} root ${shape}`),
    )
  }

  /** How often something had to wait because of its rate, either way, since the lab was made. It must have one in the lab's plan. */
  async timesShaped(): Promise<number> {
    const counts = [this.#port, this.#far].map(async ({ namespace, link }) => {
      const text = await ipCommand(['tc', '-n', namespace, '-j', '-s', 'qdisc', 'show', 'dev', link, 'root'])
      const [shown] = JSON.parse(text) as { overlimits: number }[]
      return shown?.overlimits ?? 0
    })
    const [down = 0, up = 0] = await Promise.all(counts)
    return down + up
  }

  /** Bytes that whoever is behind it has sent since the lab was made, headers included. */
  async sentBytes(): Promise<number> {
    const { namespace, link } = this.#port
    const text = await ipCommand(['ip', '-n', namespace, '-j', '-s', 'link', 'show', link])
    const [shown] = JSON.parse(text) as { stats64: { rx: { bytes: number } } }[]
    return shown?.stats64.rx.bytes ?? 0
  }

  async #setPort(state: 'up' | 'down'): Promise<void> {
    await ipCommand(['ip', '-n', this.#port.namespace, 'link', 'set', this.#port.link, state])
  }
}
