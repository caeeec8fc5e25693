import { errorCode, errorMessage } from '@shoal/core'

/** Throws or rejects when what it looks at is not well. */
export type HealthCheck = (signal: AbortSignal) => void | Promise<void>

export interface CheckResult {
  name: string
  ok: boolean
  /** Of the error, when it has one. */
  code?: string
  message?: string
}

/** Something that is worth knowing and makes nothing unready. */
export interface HealthNote {
  name: string
  message: string
}

export interface HealthReport {
  ready: boolean
  checks: CheckResult[]
  notes: HealthNote[]
}

/** Whether the service can do its work: all named checks pass and it is not stopping. */
export interface Health {
  /** Adds a check, or replaces the one of that name. */
  register(name: string, check: HealthCheck): void
  unregister(name: string): void
  /** Adds what has something to say now and then, for everybody to see. */
  note(name: string, read: () => string | undefined): void
  /** From now on not ready: the service is stopping. */
  drain(): void
  report(): Promise<HealthReport>
}

/** Creates the health of a service. A check that takes longer than `timeoutMs` (2 s) counts as failed. */
export function createHealth(options: { timeoutMs?: number } = {}): Health {
  const timeoutMs = options.timeoutMs ?? 2000
  const checks = new Map<string, HealthCheck>()
  const notes = new Map<string, () => string | undefined>()
  let draining = false
  return {
    register: (name, check) => void checks.set(name, check),
    unregister: (name) => void checks.delete(name),
    note: (name, read) => void notes.set(name, read),
    drain: () => {
      draining = true
    },
    report: async () => {
      const results = await Promise.all([...checks].map(([name, check]) => runCheck(name, check, timeoutMs)))
      const said = [...notes].flatMap(([name, read]) => {
        const message = read()
        return message === undefined ? [] : [{ name, message }]
      })
      return { ready: !draining && results.every(({ ok }) => ok), checks: results, notes: said }
    },
  }
}

async function runCheck(name: string, check: HealthCheck, timeoutMs: number): Promise<CheckResult> {
  const controller = new AbortController()
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  })
  try {
    await Promise.race([(async () => check(controller.signal))(), late])
    return { name, ok: true }
  } catch (error) {
    const code = errorCode(error)
    return { name, ok: false, ...(code === undefined ? {} : { code }), message: errorMessage(error) }
  } finally {
    clearTimeout(timer)
    controller.abort()
  }
}
