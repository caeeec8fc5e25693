import { type ChildProcess, spawn } from 'node:child_process'
import type { Launch } from '../engines/engine.ts'
import type { TransferOrder, TransferRateChange, TransferSample } from '../engines/transfer-orders.ts'

/** Starts a node of ours with a channel on which its limits are changed and its counters come back. */
export class OrderedNode {
  /** All so far, the oldest first. */
  readonly samples: TransferSample[] = []
  /** Starts it on this machine. */
  readonly launch: Launch
  #child: ChildProcess | undefined
  #onChange: ((sample: TransferSample) => void) | undefined

  constructor(flags: readonly string[] = []) {
    this.launch = ([program = '', ...argv], { env }) => {
      const child = spawn(program, [...argv, ...flags], { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
      child.on('message', (sample: TransferSample) => this.#onSample(sample))
      this.#child = child
      return child
    }
  }

  /** Resolves with the moment since when they hold. */
  async setRates(rates: TransferRateChange): Promise<number> {
    const changed = new Promise<TransferSample>((resolve) => {
      this.#onChange = resolve
    })
    const order: TransferOrder = { rates }
    this.#child?.send(order)
    return (await changed).atMs
  }

  #onSample(sample: TransferSample): void {
    this.samples.push(sample)
    if (sample.isChange) this.#onChange?.(sample)
  }
}
