import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

const docs = join(import.meta.dirname, '../../../docs')
const table = readFileSync(join(docs, 'webtorrent-defects.md'), 'utf8')

interface Shown {
  readonly file: string
  readonly title: string
}

/** What the last column of the rows that name a way to avoid something says: links to test files, each with a title. */
const rows = table
  .split('\n')
  .filter((line) => /^\| .*\]\([^)]+\.test\.ts\)/.test(line))
  .map((line) => line.split(' | '))

function shownBy(row: readonly string[]): Shown[] {
  return (row.at(-1) ?? '').replace(/ \|$/, '').split('<br>').map(parse)
}

function parse(entry: string): Shown {
  const [, path, title] = /^\[[^\]]+\]\(([^)]+)\): (.+)$/.exec(entry) ?? []
  assert.ok(path !== undefined && title !== undefined, `not a link and a title: ${entry}`)
  return { file: resolve(docs, path), title }
}

test('every test that the table of defects names is there', () => {
  assert.ok(rows.length > 20)
  for (const { file, title } of rows.flatMap(shownBy)) {
    assert.ok(existsSync(file), file)
    const text = readFileSync(file, 'utf8')
    assert.ok(
      ["'", '"', '`'].some((quote) => text.includes(quote + title + quote)),
      `${file} has no test "${title}"`,
    )
  }
})

test('every row of the table says how the defect is avoided', () => {
  for (const row of rows) {
    assert.equal(row.length, 3, row.join(' | '))
    assert.ok(row.every((cell) => cell.trim() !== ''))
  }
})

test('the table names every test about a defect', () => {
  const named = new Set(rows.flatMap(shownBy).map(({ file, title }) => `${file}: ${title}`))
  const files = globSync('webtorrent-{wire,network,internals,install}.test.ts', { cwd: import.meta.dirname })
  const titles = files.flatMap((name) => {
    const file = join(import.meta.dirname, name)
    return [...readFileSync(file, 'utf8').matchAll(/^test\('(.+?)',/gm)].map(([, title]) => `${file}: ${title}`)
  })
  assert.ok(titles.length > 20)
  assert.deepEqual(
    titles.filter((title) => !named.has(title)),
    [],
  )
})
