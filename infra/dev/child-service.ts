import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { devError } from './errors.ts'

export interface ChildServiceOptions {
  /** `seed`, `peer-1`: names the log file. */
  name: string
  /** Arguments of `shoal`. */
  args: readonly string[]
  logDirectory: string
  /** Answers 200 once it serves. */
  healthUrl: string
}

/** A service as a process of its own. */
export interface ChildService extends AsyncDisposable {
  readonly name: string
  readonly pid: number
  /** Rejects with `SHOAL_DEV_SERVICE_ENDED` when the service ends without being stopped; never resolves. */
  readonly failure: Promise<never>
  /** SIGTERM, then SIGKILL when it takes too long. Idempotent. */
  stop(): Promise<void>
}

const COMMAND = join(import.meta.dirname, '../../packages/cli/bin/shoal.js')
const START_TIMEOUT_MS = 20_000
const STOP_TIMEOUT_MS = 15_000
const PROBE_INTERVAL_MS = 50
const LAST_WORDS_BYTES = 2000

/** Starts a service and waits until it answers. Throws `SHOAL_DEV_SERVICE_ENDED` or `SHOAL_DEV_TIMEOUT`. */
export async function startChildService(options: ChildServiceOptions): Promise<ChildService> {
  const log = join(options.logDirectory, `${options.name}.log`)
  const errorLog = join(options.logDirectory, `${options.name}.error.log`)
  const outputs = [openSync(log, 'a', 0o600), openSync(errorLog, 'w', 0o600)]
  const child = spawn(process.execPath, [COMMAND, ...options.args], {
    stdio: ['ignore', ...outputs],
    // A process group of its own: Ctrl-C reaches only this program, which then stops the services in order.
    detached: true,
    env: environment(),
  })
  outputs.forEach((descriptor) => {
    closeSync(descriptor)
  })
  let stopping = false
  const ended = once(child, 'exit')
  const failure = ended.then(() => {
    if (stopping) return new Promise<never>(() => {})
    const status = child.exitCode === null ? `signal ${child.signalCode}` : `exit code ${child.exitCode}`
    throw devError('SHOAL_DEV_SERVICE_ENDED', { service: options.name, status, words: lastWords(errorLog), log })
  })
  // Whoever waits for something of the service looks at this promise; until then a failure is not "unhandled".
  failure.catch(() => {})
  const stop = async () => {
    stopping = true
    await stopChild(child, ended)
  }
  const decided = new AbortController()
  try {
    await Promise.race([answers(options, decided.signal), failure])
  } catch (error) {
    await stop()
    throw error
  } finally {
    decided.abort()
  }
  return { name: options.name, pid: child.pid ?? 0, failure, stop, [Symbol.asyncDispose]: stop }
}

/** The settings of these services are given by flags alone. */
function environment(): NodeJS.ProcessEnv {
  return Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(SHOAL|OS)_/.test(name) && name !== 'NODE_TEST_CONTEXT'),
  )
}

async function answers({ name, healthUrl, logDirectory }: ChildServiceOptions, signal: AbortSignal): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT_MS
  while (Date.now() < deadline && !signal.aborted) {
    const response = await fetch(healthUrl, { signal: AbortSignal.timeout(2000) }).catch(() => undefined)
    await response?.body?.cancel()
    if (response?.ok) return
    await sleep(PROBE_INTERVAL_MS)
  }
  const seconds = START_TIMEOUT_MS / 1000
  throw devError('SHOAL_DEV_TIMEOUT', { what: `The start of ${name}`, seconds, logs: logDirectory })
}

async function stopChild(child: ChildProcess, ended: Promise<unknown>): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  child.kill('SIGTERM')
  const abandoned = new AbortController()
  const late = sleep(STOP_TIMEOUT_MS, undefined, { signal: abandoned.signal }).then(
    () => child.kill('SIGKILL'),
    () => {},
  )
  await ended
  abandoned.abort()
  await late
}

function lastWords(path: string): string {
  const text = readFileSync(path, 'utf8').trim()
  return text === '' ? 'none' : text.slice(-LAST_WORDS_BYTES)
}
