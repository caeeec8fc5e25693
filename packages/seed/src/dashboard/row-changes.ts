interface Kept {
  readonly row: unknown
  readonly json: string
}

/** What changed of a table of rows since it was looked at last. Rows are kept as JSON: that is what is sent. */
export class RowChanges {
  #rows = new Map<string, Kept>()

  /** Takes the rows as they are now; JSON of those that are new or other, and the ids of those that are gone. */
  take<T>(rows: Iterable<T>, idOf: (row: T) => string): string {
    const set: string[] = []
    const now = new Map<string, Kept>()
    for (const row of rows) {
      const id = idOf(row)
      const before = this.#rows.get(id)
      // One that is the same object was not changed: rows are replaced.
      const kept = before?.row === row ? before : { row, json: JSON.stringify(row) }
      now.set(id, kept)
      if (before?.json !== kept.json) set.push(kept.json)
    }
    const gone = [...this.#rows.keys()].filter((id) => !now.has(id))
    this.#rows = now
    return changes(set, gone)
  }

  /** All rows, as changes from nothing. */
  all(): string {
    return changes(
      [...this.#rows.values()].map(({ json }) => json),
      [],
    )
  }
}

function changes(set: readonly string[], gone: readonly string[]): string {
  return `{"set":[${set.join(',')}],"gone":${JSON.stringify(gone)}}`
}
