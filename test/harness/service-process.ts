import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { LabHost } from '../../infra/lab/lab-host.ts'
import { until } from './until.ts'

const SHOAL = fileURLToPath(new URL('../../packages/cli/bin/shoal.js', import.meta.url))

const START_MS = 30_000

export interface ServiceProcessOptions {
  readonly name: string
  readonly service: 'seed' | 'peer'
  readonly directory: string
  readonly config: object
  /** Where it runs: a host of the lab, or this machine. */
  readonly host?: LabHost | undefined
  readonly env?: NodeJS.ProcessEnv | undefined
  /** Base URL of its API. */
  readonly url: string
}

/** `shoal seed serve` or `shoal peer serve` as a real process that a test may kill and start again. */
export class ServiceProcess {
  readonly name: string
  readonly url: string
  readonly #options: ServiceProcessOptions
  readonly #log: string
  #child: ChildProcess | undefined

  constructor(options: ServiceProcessOptions) {
    this.#options = options
    this.name = options.name
    this.url = options.url
    this.#log = join(options.directory, `${options.name}.log`)
  }

  /** What it is configured to. */
  get settings(): object {
    return this.#options.config
  }

  get pid(): number {
    return this.#child?.pid ?? 0
  }

  get isRunning(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null
  }

  /** Starts it, with changed settings if given, and waits until it answers. */
  async start(changes: object = {}, { timeoutMs = START_MS }: { timeoutMs?: number } = {}): Promise<void> {
    const { directory, config, service, host } = this.#options
    const file = join(directory, `${this.name}.json`)
    await writeFile(file, JSON.stringify(merge(config, changes)))
    const argv = [process.execPath, SHOAL, service, 'serve', '--config', file]
    const env = serviceEnvironment(this.#options.env)
    if (host !== undefined) this.#child = host.exec(argv, { env, log: this.#log })
    else {
      const log = openSync(this.#log, 'a')
      this.#child = spawn(argv[0] ?? '', argv.slice(1), { env, stdio: ['ignore', log, log] })
      closeSync(log)
    }
    const child = this.#child
    await until(
      `${this.name} answers`,
      async () => {
        if (child.exitCode !== null)
          throw new Error(`${this.name} ended with ${child.exitCode}:\n${await this.logText()}`)
        return (await fetch(`${this.url}/healthz`, { signal: AbortSignal.timeout(1000) })).ok
      },
      { timeoutMs, everyMs: 50 },
    )
  }

  /** Sends a signal and waits until the process is gone. */
  async end(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child
    if (child === undefined || !this.isRunning) return
    const gone = once(child, 'exit')
    child.kill(signal)
    await gone
  }

  async logText(): Promise<string> {
    return (await readFile(this.#log, 'utf8').catch(() => '')).slice(-4000)
  }

  /** How many lines of its log have this text; of the process that runs now, or of all. */
  async countInLog(text: string, { pid }: { pid?: number } = {}): Promise<number> {
    const lines = (await readFile(this.#log, 'utf8').catch(() => '')).split('\n')
    return lines.filter((line) => line.includes(text) && (pid === undefined || line.includes(`"pid":${pid},`))).length
  }
}

/** Settings come from the file alone; a proxy of the machine must not see the lab's addresses. */
export function serviceEnvironment(extra: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SHOAL|OS)_|_proxy$|^NODE_TEST_CONTEXT$/i.test(name))
  return { ...Object.fromEntries(kept), ...extra }
}

/** A deep copy of `base` with the values of `changes` in it. */
export function merge(base: object, changes: object): Record<string, unknown> {
  const result: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(changes)) {
    const old = result[key]
    const isTree = (node: unknown): node is object => typeof node === 'object' && node !== null && !Array.isArray(node)
    result[key] = isTree(value) && isTree(old) ? merge(old, value) : value
  }
  return result
}
