import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

const ANALYZE = '/usr/bin/systemd-analyze'
const INSTALLED_AT = '/opt/shoal'
/** systemd's own score of what a unit leaves open, times ten: below 20 it says OK. */
const MOST_EXPOSURE = 20

const root = join(import.meta.dirname, '..')
const skip = !existsSync(ANALYZE) && 'systemd-analyze is not installed'

for (const name of ['shoal-seed', 'shoal-peer']) {
  test(`${name}.service is one that systemd accepts and calls well closed`, { skip }, async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'shoal-units-'))
    t.after(() => rm(folder, { recursive: true, force: true }))
    // The check wants the program to exist, so the unit is looked at as if Shoal were installed here.
    const text = await readFile(join(root, 'infra/systemd', `${name}.service`), 'utf8')
    assert.ok(text.includes(`ExecStart=${INSTALLED_AT}/`))
    const unit = join(folder, `${name}.service`)
    await writeFile(unit, text.replaceAll(`${INSTALLED_AT}/`, `${root}/`))

    const verified = spawnSync(ANALYZE, ['verify', unit], { encoding: 'utf8' })
    assert.deepEqual([verified.status, verified.stderr], [0, ''])
    const security = ['security', '--offline=yes', `--threshold=${MOST_EXPOSURE}`, '--no-pager', unit]
    assert.equal(spawnSync(ANALYZE, security, { encoding: 'utf8' }).status, 0)
  })
}

test('what a peer needs for Nova is added to its unit in a form that systemd accepts', { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'shoal-units-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  const text = await readFile(join(root, 'infra/systemd/shoal-peer.service'), 'utf8')
  const unit = join(folder, 'shoal-peer.service')
  await writeFile(unit, text.replaceAll(`${INSTALLED_AT}/`, `${root}/`))
  await mkdir(`${unit}.d`)
  const addition = await readFile(join(root, 'infra/nova/config/shoal-peer.conf'), 'utf8')
  await writeFile(join(`${unit}.d`, 'nova.conf'), addition)
  const verified = spawnSync(ANALYZE, ['verify', unit], { encoding: 'utf8' })
  assert.deepEqual([verified.status, verified.stderr], [0, ''])
  // A setting with another name would be passed over with a warning.
  await writeFile(join(`${unit}.d`, 'nova.conf'), addition.replace('ReadWritePaths', 'WritePaths'))
  assert.match(spawnSync(ANALYZE, ['verify', unit], { encoding: 'utf8' }).stderr, /WritePaths/)
})
