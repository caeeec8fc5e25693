import assert from 'node:assert/strict'
import { it } from 'node:test'
import type { PrefetchRuleRequest } from '@shoal/api'
import { EXIT } from '../../src/exit-code.ts'
import { buildRule, later } from '../prefetch/build-plan.ts'
import { startStandInPlans } from '../prefetch/stand-in-plans.ts'

it('makes a rule for new images at a time, as told', async () => {
  await using seed = await startStandInPlans()
  const images = ['--image-name', 'web-*', '--image-tag', 'golden', '--image-property', 'os=linux', '--all-matching']
  const times = ['--cron', '0 2 * * *', '--time-zone', 'Europe/Berlin', '--deadline-after', '2h', '--pin-for', '7d']
  const terms = ['--priority', '70', '--weight', '20', '--limit', '200MB/s']
  const argv = ['rule', 'set', 'web', '--on', 'new-image', ...images, ...times, ...terms, '--aggregate', 'web']
  const { code, stdout } = await seed.shoal(argv)
  assert.equal(code, EXIT.ok)
  assert.deepEqual(seed.state.ruleRequests, [
    {
      enabled: true,
      on: 'new-image',
      images: { name: 'web-*', tag: 'golden', property: 'os=linux', newestOnly: false },
      cron: '0 2 * * *',
      timeZone: 'Europe/Berlin',
      target: { aggregate: 'web' },
      priority: 70,
      weight: 20,
      limits: { bytesPerSecond: 200e6 },
      deadlineSeconds: 7200,
      pinnedSeconds: 604_800,
    },
  ])
  assert.deepEqual(stdout.split('\n'), [
    'rule      web',
    'when      new image, at 0 2 * * * Europe/Berlin',
    'images    name web-*, tag golden, property os=linux',
    'where     every node of aggregate web',
    'priority  70, weight 20',
    'limit     200 MB/s together',
    'deadline  2 h 0 min after the start of a plan',
    'pinned    for 7 d 0 h',
    'next      -',
    'last      never',
    'plans     0 made',
    '',
  ])
})

it('changes what is said of a rule that is there, and leaves the rest', async () => {
  const before: PrefetchRuleRequest = {
    enabled: true,
    on: 'new-image',
    images: { name: 'web-*' },
    cron: '0 2 * * *',
    timeZone: 'Europe/Berlin',
    target: { all: true, zone: 'z1' },
    priority: 70,
    limits: { bytesPerSecond: 200e6 },
    deadlineSeconds: 7200,
    pinnedSeconds: 86_400,
  }
  await using seed = await startStandInPlans()
  const change = async (...argv: string[]) => {
    seed.state.rules = [buildRule(before)]
    const { code, stderr } = await seed.shoal(['rule', 'set', 'web', ...argv])
    assert.equal(code, EXIT.ok, stderr)
    return seed.state.ruleRequests.splice(0)[0]
  }
  assert.deepEqual(await change('--disable'), { ...before, enabled: false })
  assert.deepEqual(await change('--cron', 'none', '--all-matching'), {
    ...before,
    cron: null,
    images: { name: 'web-*', newestOnly: false },
  })
  assert.deepEqual(await change('--image-tag', 'golden', '--rack', 'r1', '--node-limit', '1MB/s', '--limit', 'none'), {
    ...before,
    images: { tag: 'golden' },
    target: { rack: 'r1' },
    limits: { bytesPerSecond: null, nodeBytesPerSecond: 1e6 },
  })
  assert.deepEqual(await change('--form', 'file'), { ...before, form: 'file' })
  const { deadlineSeconds: _, ...free } = before
  assert.deepEqual(await change('--deadline-after', 'none', '--pin-for', '90s'), { ...free, pinnedSeconds: 90 })
  seed.state.rules = [buildRule({ ...before, enabled: false })]
  await seed.shoal(['rule', 'set', 'web', '--enable'])
  assert.deepEqual(seed.state.ruleRequests.splice(0), [before])
})

it('refuses what cannot be a rule', async () => {
  await using seed = await startStandInPlans()
  const whole = ['--on', 'new-image', '--image-tag', 'golden', '--all']
  for (const [reason, ...argv] of [
    [/Say when it acts/, '--image-tag', 'golden', '--all'],
    [/needs its times/, '--on', 'schedule', '--image-tag', 'golden', '--all'],
    [/Say which images/, '--on', 'new-image', '--all'],
    [/Say which images/, '--on', 'new-image', '--all', '--all-matching'],
    [/Say which nodes/, '--on', 'new-image', '--image-tag', 'golden'],
    [/is no duration/, ...whole, '--pin-for', '2999-01-01T00:00Z'],
    [/less than a second/, ...whole, '--deadline-after', '0s'],
    [/mutually exclusive/, ...whole, '--enable', '--disable'],
    [/Invalid values/, '--on', 'monday'],
  ] as const) {
    const { code, stderr } = await seed.shoal(['rule', 'set', 'web', ...argv])
    assert.equal(code, EXIT.usage, argv.join(' '))
    assert.match(stderr, reason, argv.join(' '))
  }
  assert.deepEqual(seed.state.ruleRequests, [])
})

it('lists, shows and removes rules', async () => {
  const failed = buildRule({
    ...{ name: 'golden', cron: null, images: { id: 'id-1' }, target: { nodes: ['n1', 'n2'] }, nextAt: null },
    ...{ enabled: false, waiting: ['id-1'], lastAt: later(0), lastPlan: 'p-1a2b', lastError: 'No node.', plans: 3 },
  })
  await using seed = await startStandInPlans({ rules: [buildRule(), failed] })
  const list = await seed.shoal(['rule', 'list'])
  assert.equal(list.code, EXIT.ok)
  assert.deepEqual(
    list.stdout.split('\n').map((line) => line.trimEnd()),
    [
      'RULE    ON   WHEN                                   IMAGES                  WHERE                        NEXT                      LAST    PLANS',
      'web     yes  new image, at 0 2 * * * Europe/Berlin  newest with name web-*  every node of aggregate web  2026-01-01T01:00:00.000Z  -           0',
      'golden  no   new image, at once                     id id-1                 n1, n2                       -                         FAILED      3',
      '',
    ],
  )
  const shown = await seed.shoal(['rule', 'show', 'golden'])
  assert.match(shown.stdout, /^rule +golden, DISABLED\nwhen +new image, at once\n/)
  assert.match(shown.stdout, /\nwaiting +id-1\nnext +-\nlast +2026.*, plan p-1a2b\nerror +No node\.\nplans +3 made\n$/)
  assert.deepEqual(JSON.parse((await seed.shoal(['rule', 'show', 'golden', '--json'])).stdout), failed)
  const removed = await seed.shoal(['rule', 'remove', 'golden'])
  assert.equal(removed.stdout, 'rule golden: removed\n')
  for (const verb of ['show', 'remove', 'run']) {
    assert.equal((await seed.shoal(['rule', verb, 'golden'])).code, EXIT.notFound, verb)
  }
  const json = await seed.shoal(['rule', 'list', '--json'])
  assert.deepEqual(JSON.parse(json.stdout), { rules: [buildRule()], next: null })
  seed.state.rules = []
  assert.match((await seed.shoal(['rule', 'list'])).stdout, /^There is no rule/)
})

it('lets a rule act now, and prints the plan that it makes', async () => {
  await using seed = await startStandInPlans({ rules: [buildRule()] })
  const { code, stdout } = await seed.shoal(['rule', 'run', 'web'])
  assert.equal(code, EXIT.ok)
  assert.match(stdout, /^plan nightly \(p-1a2b\): running, 2\.00 GiB to 4 nodes/)
  const json = await seed.shoal(['rule', 'run', 'web', '--json'])
  assert.equal(JSON.parse(json.stdout).source, 'rule:web')
})
