interface Page {
  readonly next: string | null
}

/** Reads a list of the API page by page to its end. */
export async function* readPages<P extends Page>(
  readPage: (query: { after: string | undefined; limit: number }) => Promise<P>,
): AsyncGenerator<P, void> {
  let after: string | undefined
  do {
    const page = await readPage({ after, limit: PAGE_ENTRIES })
    yield page
    after = page.next ?? undefined
  } while (after !== undefined)
}

const PAGE_ENTRIES = 500

/** All entries of a list. */
export async function readAll<P extends Page, T>(
  readPage: (query: { after: string | undefined; limit: number }) => Promise<P>,
  entries: (page: P) => readonly T[],
): Promise<T[]> {
  const all: T[] = []
  for await (const page of readPages(readPage)) all.push(...entries(page))
  return all
}
