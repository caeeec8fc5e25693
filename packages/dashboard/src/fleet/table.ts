/** Rows by id, with a number that grows with every change: who shows them compares it. */
export class Table<T> {
  readonly #rows = new Map<string, T>()
  readonly #idOf: (row: T) => string
  #list: readonly T[] | undefined

  constructor(idOf: (row: T) => string) {
    this.#idOf = idOf
  }

  get(id: string): T | undefined {
    return this.#rows.get(id)
  }

  /** All rows; the same array until something changes. */
  list(): readonly T[] {
    this.#list ??= [...this.#rows.values()]
    return this.#list
  }

  apply({ set, gone }: { readonly set: readonly T[]; readonly gone: readonly string[] }, isWhole: boolean): void {
    if (isWhole) this.#rows.clear()
    else if (set.length + gone.length === 0) return
    for (const id of gone) this.#rows.delete(id)
    for (const row of set) this.#rows.set(this.#idOf(row), row)
    this.#list = undefined
  }
}
