import type { ChildProcess } from 'node:child_process'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit } from './at-exit.ts'
import { processUsage } from './process-usage.ts'

const KEPT_LINES = 50
const STOP_TIMEOUT_MS = 10_000

/** A program that is being measured: its lines, what it used, its end. */
export class EngineProcess {
  readonly pid: number
  /** Rejects when it ends, however it ends. */
  readonly ended: Promise<never>
  readonly #child: ChildProcess
  readonly #exit: Promise<unknown>
  readonly #last: string[] = []
  readonly #listeners = new Set<(line: string) => void>()

  constructor(name: string, child: ChildProcess) {
    this.#child = child
    this.pid = child.pid ?? 0
    this.#exit = new Promise((resolve) => child.once('close', resolve).once('error', resolve))
    for (const stream of [child.stdout, child.stderr]) {
      if (stream === null) throw new TypeError('the output of a measured program must be pipes')
      createInterface({ input: stream }).on('line', (line) => this.#onLine(line))
    }
    const forget = atExit(() => child.kill('SIGKILL'))
    this.ended = this.#exit.then(() => {
      forget()
      const status = child.exitCode ?? child.signalCode
      throw new Error(`${name} ended (${status}); its last words:\n${this.#last.join('\n')}`)
    })
    // Whoever waits for something of the process looks at this promise; until then an end is not "unhandled".
    this.ended.catch(() => {})
  }

  /** The first line of which `pick` makes something. Rejects when the process ends before. */
  line<T>(pick: (line: string) => T | undefined): Promise<T> {
    const found = new Promise<T>((resolve) => {
      const listener = (line: string) => {
        const picked = pick(line)
        if (picked === undefined) return
        this.#listeners.delete(listener)
        resolve(picked)
      }
      this.#listeners.add(listener)
    })
    const line = Promise.race([found, this.ended])
    line.catch(() => {})
    return line
  }

  cpuSeconds(): number {
    return processUsage([this.pid]).cpuSeconds
  }

  peakRssMiB(): number {
    return processUsage([this.pid]).peakRssMiB
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  /** SIGTERM, then SIGKILL when it takes too long. Idempotent. */
  async stop({ timeoutMs = STOP_TIMEOUT_MS }: { timeoutMs?: number } = {}): Promise<void> {
    this.#child.kill('SIGTERM')
    const abandoned = new AbortController()
    const late = sleep(timeoutMs, undefined, { signal: abandoned.signal }).then(
      () => this.#child.kill('SIGKILL'),
      () => {},
    )
    await this.#exit
    abandoned.abort()
    await late
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#exit
  }

  #onLine(line: string): void {
    this.#last.push(line)
    if (this.#last.length > KEPT_LINES) this.#last.shift()
    for (const listener of [...this.#listeners]) listener(line)
  }
}

/** The environment of a measured program: no proxies, which would stand between peers. */
export function engineEnvironment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name) && name !== 'NODE_OPTIONS'),
  )
}
