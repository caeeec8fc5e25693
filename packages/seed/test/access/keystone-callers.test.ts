import assert from 'node:assert/strict'
import { it } from 'node:test'
import { ManualClock, silentLogger } from '@shoal/core'
import type { CloudIdentity } from '@shoal/openstack'
import { KeystoneCallers, type RoleMapping } from '../../src/access/keystone-callers.ts'

const ROLES: readonly RoleMapping[] = [
  { keystoneRole: 'admin', project: 'system', role: 'admin' },
  { keystoneRole: 'member', project: 'web@Default', role: 'operator' },
  { keystoneRole: 'reader', project: 'p-web', role: 'reader' },
  { keystoneRole: 'shoal-auditor', project: null, role: 'reader' },
]
const WEB = { id: 'p-web', name: 'web', domain: 'Default' }

function open(identities: Record<string, Partial<CloudIdentity> | undefined>, cacheMs = 10_000) {
  const clock = new ManualClock()
  const asked: string[] = []
  const identify = async (token: string): Promise<CloudIdentity | undefined> => {
    asked.push(token)
    if (token === 'broken') throw new Error('Keystone is down')
    const identity = identities[token]
    if (identity === undefined) return undefined
    const user = { id: 'u1', name: 'alice', domain: 'Default' }
    return { user, project: undefined, isSystem: false, roles: [], expiresAt: clock.now() + 3_600_000, ...identity }
  }
  const callers = new KeystoneCallers({ check: { identify }, clock, logger: silentLogger }, { cacheMs, roles: ROLES })
  return { callers, clock, asked, identities }
}

it('a role counts in the project that it is mapped for, and the highest one counts', async () => {
  const cases: [string, Partial<CloudIdentity>, string][] = [
    ['member', { project: WEB, roles: ['Member', 'reader'] }, 'operator'],
    ['reader', { project: WEB, roles: ['reader'] }, 'reader'],
    ['system', { isSystem: true, roles: ['admin'] }, 'admin'],
    ['admin of a project', { project: WEB, roles: ['admin'] }, 'public'],
    ['another project', { project: { ...WEB, id: 'p2', name: 'other' }, roles: ['member', 'reader'] }, 'public'],
    [
      'a project of that name elsewhere',
      { project: { ...WEB, id: 'p3', domain: 'evil' }, roles: ['member'] },
      'public',
    ],
    ['any project', { project: { ...WEB, id: 'p4', name: 'x' }, roles: ['shoal-auditor'] }, 'reader'],
    ['no scope', { roles: ['shoal-auditor', 'member'] }, 'public'],
  ]
  for (const [name, identity, role] of cases) {
    const { callers } = open({ token: identity })
    assert.deepEqual(await callers.find('token'), { role, actor: 'user:alice@Default' }, name)
  }
})

it('Keystone is asked once for as long as its answer holds, and once for many at a time', async () => {
  const { callers, clock, asked, identities } = open({ token: { project: WEB, roles: ['member'] } })
  await Promise.all([callers.find('token'), callers.find('token'), callers.find('token')])
  await callers.find('token')
  assert.equal(asked.length, 1)
  identities.token = undefined
  assert.equal((await callers.find('token'))?.role, 'operator')
  await clock.advance(10_000)
  assert.equal(await callers.find('token'), undefined, 'it was revoked')
  assert.equal(asked.length, 2)
})

it('what Keystone said holds no longer than the token', async () => {
  const { callers, clock } = open({ token: { project: WEB, roles: ['member'], expiresAt: 5000 } })
  assert.equal((await callers.find('token'))?.role, 'operator')
  await clock.advance(5000)
  assert.equal(await callers.find('token'), undefined)
})

it('a Keystone that cannot say refuses nobody for good, and lets nobody in', async () => {
  const { callers, asked } = open({})
  await assert.rejects(callers.find('broken'), { code: 'SHOAL_ACCESS_KEYSTONE' })
  await assert.rejects(callers.find('broken'), { code: 'SHOAL_ACCESS_KEYSTONE' })
  assert.equal(asked.length, 2)
})

it('control characters of a name reach no log', async () => {
  const user = { id: 'u1', name: 'eve\u001b[2J\nadmin', domain: 'Default' }
  const { callers } = open({ token: { user, project: WEB, roles: ['reader'] } })
  assert.equal((await callers.find('token'))?.actor, 'user:eve?[2J?admin@Default')
})
