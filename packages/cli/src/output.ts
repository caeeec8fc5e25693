import { type Clock, systemClock } from '@shoal/core'
import { createProgress, type Progress } from './format/progress.ts'
import type { Terminal } from './terminal.ts'

/** What a command prints: text for people or the API's JSON, on standard output. */
export class Output {
  readonly isJson: boolean
  readonly #terminal: Terminal
  readonly #clock: Clock

  constructor(terminal: Terminal, options: { json: boolean; clock?: Clock }) {
    this.#terminal = terminal
    this.isJson = options.json
    this.#clock = options.clock ?? systemClock
  }

  /** Prints a result: the value as JSON, or what `render` makes of it. */
  show(value: unknown, render: () => string): void {
    this.#write(this.isJson ? JSON.stringify(value, null, 2) : render())
  }

  /** Prints one item of a stream: JSON on one line, or a line of text. */
  item(value: unknown, render: () => string): void {
    this.#write(this.isJson ? JSON.stringify(value) : render())
  }

  /** A line for people only. */
  note(text: string): void {
    if (!this.isJson) this.#write(text)
  }

  /** A progress bar on a terminal, plain lines otherwise, nothing with --json. */
  progress(): Progress {
    if (this.isJson) return { update: () => {}, stop: () => {} }
    return createProgress(
      { clock: this.#clock, line: (text) => this.#write(text) },
      { bar: this.#terminal.isInteractive ? this.#terminal.stderr : undefined },
    )
  }

  #write(text: string): void {
    this.#terminal.stdout.write(`${text}\n`)
  }
}
