import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it, test } from 'node:test'
import { judgeAudit } from '../infra/dev/judge-audit.ts'

const root = join(import.meta.dirname, '..')
const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'))

interface Locked {
  readonly version?: string
  readonly license?: string
  readonly integrity?: string
  readonly link?: boolean
}

/** Licences that may be used beside Apache-2.0: none asks more than that its text goes along; MPL-2.0 asks for changes to its own files. */
const ALLOWED = new Set(
  'MIT,Apache-2.0,ISC,BSD,BSD-2-Clause,BSD-3-Clause,0BSD,BlueOak-1.0.0,Unlicense,MPL-2.0,MIT OR Apache-2.0'.split(','),
)
/** Packages whose licence the lock file does not have, because they name it in a way of old times; looked up by hand. */
const BY_HAND: Readonly<Record<string, string>> = { 'node_modules/limiter': 'MIT' }

const { packages } = read('package-lock.json') as { packages: Record<string, Locked> }
const installed = Object.entries(packages).filter(([path, { link }]) => path.includes('node_modules/') && link !== true)

test('every package of the lock file has a licence that may be used, and is known by its hash', () => {
  assert.ok(installed.length > 100)
  for (const [path, { license = BY_HAND[path], integrity }] of installed) {
    assert.ok(license !== undefined && ALLOWED.has(license), `${path}: ${license}`)
    assert.match(integrity ?? '', /^sha512-/, path)
  }
})

test('every dependency is named by its exact version', () => {
  const manifests = ['package.json', ...globSync('packages/*/package.json', { cwd: root })]
  for (const path of manifests) {
    const { dependencies, devDependencies } = read(path) as Record<string, Record<string, string> | undefined>
    for (const [name, version] of Object.entries({ ...dependencies, ...devDependencies })) {
      const isOurs = name.startsWith('@shoal/') || version.startsWith('file:infra/')
      assert.ok(isOurs || /^\d+\.\d+\.\d+$/.test(version), `${path}: ${name} ${version}`)
    }
  }
})

test('packages are installed without their scripts', () => {
  const setup = readFileSync(join(root, 'infra/setup.sh'), 'utf8')
  const installs = [...setup.matchAll(/npm ci (-.*)/g)].map(([, options = '']) => options)
  assert.ok(installs.length > 0 && installs.every((options) => options.includes('--ignore-scripts')), installs.join())
})

describe('an audit', () => {
  const advisory = 'https://advisories.example/1'
  const via = (severity: string) => ({ severity, url: advisory, title: 'a hole' })
  const answer = (severity: string) => ({ vulnerabilities: { left: { via: [via(severity), 'right'] } } })
  const today = new Date('2026-11-22')

  it('fails on high and critical advisories, and on no others', () => {
    const counts = ['low', 'moderate', 'high', 'critical'].map(
      (severity) => judgeAudit(answer(severity), [], today).length,
    )
    assert.deepEqual(counts, [0, 0, 1, 1])
  })

  it('lets an exception pass until its day', () => {
    const until = (day: string) => judgeAudit(answer('high'), [{ advisory, until: day, reason: '' }], today).length
    assert.deepEqual([until('2026-11-23'), until('2026-11-22')], [0, 1])
  })

  it('is none when the registry answers something else', () => {
    assert.throws(() => judgeAudit({ message: '405 Method Not Allowed' }, [], today))
  })

  it('has only exceptions that say until when and why', () => {
    for (const { until, reason } of read('infra/dev/audit-exceptions.json') as { until: string; reason: string }[]) {
      assert.ok(!Number.isNaN(Date.parse(until)) && reason.length > 20)
    }
  })
})
