import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { references } from '../infra/docs/references.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root })
  .toString()
  .split('\n')
  .filter((path) => path !== '' && existsSync(join(root, path)))

for (const [name, content] of Object.entries(references())) {
  test(`docs/${name} is what the code says (npm run docs writes it)`, async () => {
    assert.equal(await readFile(join(root, 'docs', name), 'utf8'), content)
  })
}

test('every error code that a source file names is in a table, and every code of a table is named', async () => {
  const documented = new Set((await readFile(join(root, 'docs/errors.md'), 'utf8')).match(/SHOAL_[A-Z0-9_]+/g))
  const sources = tracked.filter((path) => /^packages\/[^/]+\/(src|bin)\/.*\.(ts|js)$/.test(path))
  const named = new Set<string>()
  for (const path of sources.filter((file) => !file.endsWith('/errors.ts'))) {
    const text = await readFile(join(root, path), 'utf8')
    for (const [code] of text.matchAll(/(?<='|code: )SHOAL_[A-Z0-9_]*[A-Z0-9](?='|\\n)/g)) named.add(code)
  }
  const isVariable = (code: string) =>
    /^SHOAL_(SEED|PEER|TOKEN|NODE|CLI|LIBRARY)(_URL|_TOKEN|_FILE|_CONFIG|_LOG)?$/.test(code)
  assert.deepEqual(
    [...named].filter((code) => !documented.has(code) && !isVariable(code)),
    [],
    'named but in no table',
  )
  const thrown = [...documented].filter((code) => !code.endsWith('_') && !isVariable(code))
  assert.deepEqual(
    thrown.filter((code) => !named.has(code)),
    [],
    'in a table but named nowhere',
  )
})

test('every metric is documented, and no other', async () => {
  // An area and what is measured; `shoal_auth` is an extension of the wire.
  const names = (text: string) => new Set(text.match(/(?<=['`])shoal_[a-z]+_[a-z_]+(?=['`])/g))
  // What begins with shoal_ in openstack are properties of images in Glance.
  const sources = tracked.filter((path) => /^packages\/(?!openstack\/)[^/]+\/src\/.*\.ts$/.test(path))
  const texts = await Promise.all(sources.map((path) => readFile(join(root, path), 'utf8')))
  assert.deepEqual(
    [...names(await readFile(join(root, 'docs/metrics.md'), 'utf8'))].sort(),
    [...names(texts.join('\n'))].sort(),
  )
})

test('links between documents lead somewhere', async () => {
  for (const path of tracked.filter((file) => file.endsWith('.md'))) {
    const text = await readFile(join(root, path), 'utf8')
    for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#|mailto:)([^)#\s]+)/g)) {
      assert.ok(existsSync(join(root, dirname(path), target)), `${path} links to ${target}`)
    }
  }
})

test('the README stays between 60 and 80 lines and shows how to start and test', async () => {
  const readme = await readFile(join(root, 'README.md'), 'utf8')
  const lines = readme.trimEnd().split('\n').length
  assert.ok(lines >= 60 && lines <= 80, `${lines} lines`)
  assert.match(readme, /npm start/)
  assert.match(readme, /npm test/)
})
