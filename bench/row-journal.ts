import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'

type Row = Readonly<Record<string, unknown>>

/** The rows of a run as they come, so that a long one that was interrupted goes on where it was. */
export class RowJournal {
  readonly #path: string
  readonly #rows: Row[]
  /** When the run was begun, and each time it went on. ISO 8601. */
  readonly startedAt: readonly string[]

  private constructor(path: string, startedAt: readonly string[], rows: Row[]) {
    this.#path = path
    this.startedAt = startedAt
    this.#rows = rows
  }

  /** A journal at a path: a new one, or with `resume` what an earlier run has left there. */
  static open(path: string, { resume }: { resume: boolean }): RowJournal {
    const lines = resume ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : []
    const kept = lines.map((line) => JSON.parse(line) as Row)
    const earlier = kept.flatMap(({ startedAt }) => (typeof startedAt === 'string' ? [startedAt] : []))
    const startedAt = new Date().toISOString()
    const rows = kept.filter((row) => !('startedAt' in row))
    mkdirSync(dirname(path), { recursive: true })
    const all = [...earlier, startedAt]
    writeFileSync(path, [...all.map((at) => ({ startedAt: at })), ...rows].map(lineOf).join(''))
    return new RowJournal(path, all, rows)
  }

  /** The row of an earlier run that has all of these values. */
  find(place: Row): Row | undefined {
    const wanted = Object.entries(place)
    return this.#rows.find((row) => wanted.every(([key, value]) => row[key] === value))
  }

  /** The row of this place: one that is kept, or a new one, which is kept from now on. */
  async row<T extends object>(place: Row, measure: () => Promise<T>): Promise<T> {
    const known = this.find(place)
    // What this very bench has written for the same place.
    if (known !== undefined) return known as T
    const row = await measure()
    this.#rows.push(row as Row)
    appendFileSync(this.#path, lineOf(row))
    return row
  }

  /** Forgets it all, once the results are stored. */
  end(): void {
    rmSync(this.#path, { force: true })
  }
}

function lineOf(value: object): string {
  return `${JSON.stringify(value)}\n`
}
