import { errorCode, type Logger, systemClock } from '@shoal/core'
import { describeError } from './describe-error.ts'
import { serviceError } from './errors.ts'
import { holdYoungGeneration } from './young-generation.ts'

/** Exit codes of a service; the CLI documents the same. */
export const EXIT_CODES = { ok: 0, failed: 1, configuration: 2 } as const

export interface RunServiceOptions {
  /** Of the service, for example `shoal-seed`. */
  name: string
  logger: Logger
  /** Codes that only a person can correct, beside `SHOAL_CONFIG_*`: they too exit with 2, since starting again would repeat them. */
  configurationFaults?: ReadonlySet<string>
  /** How long stopping may take; 15 s when absent. */
  stopTimeoutMs?: number
}

const DEFAULT_STOP_TIMEOUT_MS = 15_000
/** How long the process may go on after the service has ended. */
const LINGER_MS = 500
const SIGNALS = { SIGINT: 2, SIGTERM: 15 } as const
type Signal = keyof typeof SIGNALS

/**
 * Runs a service to its end: starts it, waits for SIGTERM or SIGINT, stops it by disposing what `start` gave, and resolves to
 * the exit code, which is set on the process too; the process ends half a second later at the latest. A second signal ends the process at once (128 + signal); so does an error that
 * nobody handled (1), after it is logged: state is crash-safe, and an unknown state is worse than a restart.
 */
export async function runService(
  options: RunServiceOptions,
  start: (signal: AbortSignal) => Promise<AsyncDisposable>,
): Promise<number> {
  const { logger } = options
  holdYoungGeneration()
  const stop = new AbortController()
  let stopped: (signal: Signal) => void = () => {}
  const signalled = new Promise<Signal>((resolve) => {
    stopped = resolve
  })
  const onSignal = (signal: Signal) => {
    if (stop.signal.aborted) process.exit(128 + SIGNALS[signal])
    logger.info({ signal }, 'stopping')
    stop.abort(new Error(`${signal} received`))
    stopped(signal)
  }
  const onUnhandled = (error: unknown) => {
    logger.error({ error }, 'unhandled error')
    process.stderr.write(`${describeError(error)}\n`)
    process.exit(EXIT_CODES.failed)
  }
  for (const signal of Object.keys(SIGNALS) as Signal[]) process.on(signal, onSignal)
  process.on('uncaughtException', onUnhandled)
  process.on('unhandledRejection', onUnhandled)
  let code: number
  try {
    const service = await start(stop.signal)
    logger.info({}, 'started')
    await signalled
    code = await dispose(service, options)
    logger.info({}, 'stopped')
  } catch (error) {
    code = stop.signal.aborted && isAbort(error, stop.signal) ? EXIT_CODES.ok : fail(error, options)
  } finally {
    for (const signal of Object.keys(SIGNALS) as Signal[]) process.off(signal, onSignal)
    process.off('uncaughtException', onUnhandled)
    process.off('unhandledRejection', onUnhandled)
  }
  process.exitCode = code
  // What a failed stop left open must not keep the process; unref'd, so an orderly end is not held up by this.
  setTimeout(() => process.exit(code), LINGER_MS).unref()
  return code
}

async function dispose(service: AsyncDisposable, options: RunServiceOptions): Promise<number> {
  const timeoutMs = options.stopTimeoutMs ?? DEFAULT_STOP_TIMEOUT_MS
  const done = new AbortController()
  const late = systemClock.sleep(timeoutMs, { signal: done.signal }).then(
    () => {
      const error = serviceError('SHOAL_SERVICE_STOP_TIMEOUT', { timeoutMs })
      options.logger.error({ code: error.code }, 'stopping took too long')
      process.stderr.write(`${describeError(error)}\n`)
      process.exit(EXIT_CODES.failed)
    },
    () => {},
  )
  try {
    await service[Symbol.asyncDispose]()
  } finally {
    done.abort()
    await late
  }
  return EXIT_CODES.ok
}

function fail(error: unknown, options: RunServiceOptions): number {
  process.stderr.write(`${describeError(error)}\n`)
  const code = errorCode(error) ?? ''
  const isConfiguration = code.startsWith('SHOAL_CONFIG_') || options.configurationFaults?.has(code) === true
  return isConfiguration ? EXIT_CODES.configuration : EXIT_CODES.failed
}

function isAbort(error: unknown, signal: AbortSignal): boolean {
  return error === signal.reason || (error instanceof Error && error.name === 'AbortError')
}
