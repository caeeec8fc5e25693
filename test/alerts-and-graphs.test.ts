import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { DASHBOARDS, dashboardExpressions, readDashboard } from './harness/grafana.ts'
import { readRules } from './harness/rules.ts'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
/** Grafana puts the choice of the reader in its place. */
const DATASOURCE = ['$', '{datasource}'].join('')
const prometheus = join(root, 'infra/prometheus')

test('the tests of the alert rules pass in promtool, and the example is a configuration', async () => {
  await run('promtool', ['check', 'rules', '--lint-fatal', 'shoal.rules.yaml'], { cwd: prometheus })
  await run('promtool', ['test', 'rules', 'shoal.rules.test.yaml'], { cwd: prometheus })
  await run('promtool', ['check', 'config', '--syntax-only', 'prometheus.example.yaml'], { cwd: prometheus })
})

test('every alert is tested, says what to do, and leads to a section of the guide of its own name', async () => {
  const guide = await readFile(join(root, 'docs/operators-guide.md'), 'utf8')
  const headings = [...guide.matchAll(/^#+ (.*)$/gm)].map(([, text = '']) => text.toLowerCase().replaceAll(' ', '-'))
  const tests = await readFile(join(prometheus, 'shoal.rules.test.yaml'), 'utf8')
  for (const { alert, labels, annotations } of await readRules()) {
    assert.match(labels.severity ?? '', /^(critical|warning|info)$/, alert)
    assert.ok(annotations.summary && (annotations.description ?? '').length > 80, alert)
    const [, anchor = ''] = /^docs\/operators-guide\.md#(.+)$/.exec(annotations.guide ?? '') ?? []
    assert.ok(headings.includes(anchor), `${alert} leads to ${annotations.guide}`)
    assert.ok(tests.includes(`alertname="${alert}"`) || tests.includes(`alertname: ${alert}`), `${alert} is not tested`)
  }
})

test('every metric that an alert or a graph stands on is documented', async () => {
  const table = await readFile(join(root, 'docs/metrics.md'), 'utf8')
  const kinds = new Map(
    [...table.matchAll(/^\| `(\w+)` \| (\w+) \|/gm)].map(([, name = '', kind = '']) => [name, kind]),
  )
  const graphs = await Promise.all(DASHBOARDS.map(async (name) => dashboardExpressions(await readDashboard(name))))
  const expressions = [...(await readRules()).map(({ expr }) => expr), ...graphs.flat()]
  for (const name of expressions.join('\n').match(/\bshoal_\w+/g) ?? []) {
    const histogram = /^(.*)_(bucket|sum|count)$/.exec(name)?.[1]
    const isKnown = kinds.get(histogram ?? '') === 'histogram' || (kinds.has(name) && kinds.get(name) !== 'histogram')
    assert.ok(isKnown, `${name} is not in docs/metrics.md`)
  }
})

test('every expression of a dashboard is one that Prometheus understands', async (t) => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-graphs-'))
  t.after(() => rm(directory, { recursive: true, force: true }))
  const graphs = await Promise.all(DASHBOARDS.map(async (name) => dashboardExpressions(await readDashboard(name))))
  const rules = graphs.flat().map((expr, index) => ({ record: `graph:${index}`, expr }))
  assert.ok(rules.length > 30)
  const file = join(directory, 'graphs.yaml')
  await writeFile(file, stringify({ groups: [{ name: 'graphs', rules }] }))
  await run('promtool', ['check', 'rules', file])
})

for (const name of DASHBOARDS) {
  test(`${name} has what Grafana needs`, async () => {
    const { uid, title, schemaVersion, templating, panels } = await readDashboard(name)
    assert.equal(`${uid}.json`, name)
    assert.ok(title.startsWith('Shoal: ') && schemaVersion >= 36)
    const variables = templating.list.map((variable) => variable.name)
    assert.ok(variables.includes('datasource'))
    assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length)
    const taken = new Set<string>()
    for (const panel of panels) {
      const { x, y, w, h } = panel.gridPos
      assert.ok(w > 0 && h > 0 && x >= 0 && x + w <= 24, panel.title)
      for (let column = x; column < x + w; column += 1) {
        for (let row = y; row < y + h; row += 1) {
          assert.ok(!taken.has(`${column} ${row}`), `${panel.title} lies above another`)
          taken.add(`${column} ${row}`)
        }
      }
      assert.deepEqual(panel.datasource, { type: 'prometheus', uid: DATASOURCE })
      assert.ok(panel.targets.length > 0 && panel.fieldConfig.defaults.unit !== undefined, panel.title)
      assert.equal(new Set(panel.targets.map(({ refId }) => refId)).size, panel.targets.length)
      for (const { expr } of panel.targets) {
        for (const [, used = ''] of expr.matchAll(/\$(\w+)/g)) {
          assert.ok(used.startsWith('__') || variables.includes(used), `${panel.title} uses $${used}`)
        }
      }
    }
  })
}
