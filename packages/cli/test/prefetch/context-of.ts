import { PassThrough } from 'node:stream'
import type { Clock } from '@shoal/core'
import { type CommandContext, createContext } from '../../src/context.ts'
import { NOW } from './build-plan.ts'
import { TOKEN } from './stand-in-plans.ts'

/** A context of the command line for a clock of one's own; whoever sleeps wakes at once, that much later. */
export function contextOf(url: string, options: { signal?: AbortSignal; onSleep?: (delayMs: number) => void } = {}) {
  const { signal = new AbortController().signal, onSleep = () => {} } = options
  const stdout = new PassThrough({ encoding: 'utf8' })
  const terminal = { env: {}, cwd: '/', stdout, stderr: new PassThrough(), isInteractive: false, columns: 80 }
  let now = NOW
  const clock: Clock & { advance(ms: number): void } = {
    now: () => now,
    elapsed: () => now,
    advance: (ms) => {
      now += ms
    },
    sleep: async (delayMs) => {
      onSleep(delayMs)
      now += delayMs
    },
  }
  const context: CommandContext = createContext(
    { terminal, clock },
    { args: { seed: url, token: TOKEN, json: false }, signal },
  )
  return {
    context,
    clock,
    lines: () =>
      String(stdout.read() ?? '')
        .split('\n')
        .filter((line) => line !== ''),
  }
}
