import type { Clock } from '@shoal/core'
import cliProgress from 'cli-progress'
import { formatBytes, formatRate } from './bytes.ts'
import { formatDuration } from './duration.ts'
import { plainText } from './plain-text.ts'

export interface ProgressState {
  /** What goes on: `import debian-12`. */
  readonly label: string
  readonly doneBytes: number
  readonly totalBytes: number
  readonly rateBytesPerSecond: number
  /** A few words more: `on 2 of 3 nodes`. */
  readonly note?: string
}

export interface Progress {
  update(state: ProgressState): void
  /** Leaves the last state on the screen. Idempotent. */
  stop(): void
}

/** Plain lines come this often, and whenever label or note change. */
const LINE_INTERVAL_MS = 5000
/** Columns that label, percentage, rate, time left and note take. */
const WORDS_COLUMNS = 74

/** Shows how far something is: a bar on the given stream, or plain lines when there is none. */
export function createProgress(
  deps: { clock: Clock; line: (text: string) => void },
  options: { bar: NodeJS.WritableStream | undefined },
): Progress {
  return options.bar === undefined ? createLines(deps) : createBar(options.bar)
}

/** Rate and time left, as far as they are known. */
export function describePace(state: ProgressState): string {
  const { doneBytes, totalBytes, rateBytesPerSecond } = state
  if (doneBytes >= totalBytes || rateBytesPerSecond <= 0) return ''
  // Finer than a second is only unrest.
  const leftMs = Math.max(1, Math.round((totalBytes - doneBytes) / rateBytesPerSecond)) * 1000
  return `${formatRate(rateBytesPerSecond)}, ${formatDuration(leftMs).replace('.0 s', ' s')} left`
}

/** One line of progress: `import debian-12: 40 % of 353 MiB, 12.0 MiB/s, 18 s left, on 2 of 3 nodes`. */
export function formatProgressLine(state: ProgressState): string {
  const percent = state.totalBytes === 0 ? 100 : Math.floor((state.doneBytes / state.totalBytes) * 100)
  const parts = [`${percent} % of ${formatBytes(state.totalBytes)}`, describePace(state), state.note ?? '']
  return `${plainText(state.label)}: ${parts.filter((part) => part !== '').join(', ')}`
}

function createLines(deps: { clock: Clock; line: (text: string) => void }): Progress {
  let last: { key: string; at: number; text: string } | undefined
  return {
    update: (state) => {
      const key = `${state.label}\n${state.note ?? ''}\n${state.doneBytes >= state.totalBytes}`
      const text = formatProgressLine(state)
      const now = deps.clock.now()
      if (last?.key === key && (now - last.at < LINE_INTERVAL_MS || last.text === text)) return
      last = { key, at: now, text }
      deps.line(text)
    },
    stop: () => {},
  }
}

/** What the terminal leaves for the bar beside the words, which matter more. */
function barSize(stream: NodeJS.WritableStream): number {
  const { columns = 80 } = stream as { columns?: number }
  return Math.min(30, Math.max(4, columns - WORDS_COLUMNS))
}

function createBar(stream: NodeJS.WritableStream): Progress {
  const bar = new cliProgress.SingleBar({
    format: '{label} [{bar}] {percentage} % of {size} {pace} {note}',
    barCompleteChar: '=',
    barIncompleteChar: '-',
    barsize: barSize(stream),
    stream,
    linewrap: true,
    hideCursor: true,
    // Signals are handled by main, which lets the command stop the bar.
    gracefulExit: false,
    autopadding: true,
  })
  let started = false
  return {
    update: (state) => {
      const payload = {
        label: plainText(state.label),
        size: formatBytes(state.totalBytes),
        pace: describePace(state),
        note: state.note ?? '',
      }
      if (!started) bar.start(Math.max(1, state.totalBytes), 0, payload)
      started = true
      bar.setTotal(Math.max(1, state.totalBytes))
      bar.update(state.totalBytes === 0 ? 1 : state.doneBytes, payload)
    },
    stop: () => {
      if (started) bar.stop()
      started = false
    },
  }
}
