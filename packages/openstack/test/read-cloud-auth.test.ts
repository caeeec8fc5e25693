import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { inspect } from 'node:util'
import { type CloudAuth, readCloudAuth } from '@shoal/openstack'

const directories: string[] = []
after(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

function read(files: Record<string, string>, env: NodeJS.ProcessEnv = {}, cloud?: string): CloudAuth {
  const directory = mkdtempSync(join(tmpdir(), 'shoal-clouds-'))
  directories.push(directory)
  for (const [name, content] of Object.entries(files)) writeFileSync(join(directory, name), content)
  return readCloudAuth({ env: { HOME: '/home/seed', ...env }, cloud, searchPaths: [directory] })
}

/** The method with its secrets shown, for comparison. */
function method(auth: CloudAuth): Record<string, unknown> {
  const shown = Object.entries(auth.method).map(([name, value]) => [
    name,
    value !== null && typeof value === 'object' && 'reveal' in value ? value.reveal() : value,
  ])
  return Object.fromEntries(shown)
}

const TWO_CLOUDS = `
clouds:
  north:
    region_name: north-1
    interface: internal
    cacert: ~/ca.pem
    auth: { auth_url: http://north:5000, username: seed, password: 007, project_name: images, domain_name: cloud }
  south:
    auth_type: v3applicationcredential
    regions: [south-1, south-2]
    verify: false
    auth: { auth_url: http://south/identity/v3, application_credential_id: abc, application_credential_secret: shh }
`

describe('clouds.yaml', () => {
  test('gives user, project, domain, region, interface and CA of a named cloud', () => {
    const auth = read({ 'clouds.yaml': TWO_CLOUDS }, {}, 'north')
    assert.deepEqual(method(auth), {
      type: 'password',
      authUrl: 'http://north:5000',
      user: { name: 'seed', domain: { name: 'cloud' } },
      // As it was written, not as the number 7.
      password: '007',
      scope: { project: { name: 'images', domain: { name: 'cloud' } } },
    })
    assert.equal(auth.region, 'north-1')
    assert.equal(auth.interface, 'internal')
    assert.deepEqual(auth.tls, { caFile: '/home/seed/ca.pem', certFile: null, keyFile: null, verify: true })
  })

  test('gives an application credential, the first region, and no checking of certificates', () => {
    const auth = read({ 'clouds.yaml': TWO_CLOUDS }, { OS_CLOUD: 'south' })
    assert.deepEqual(method(auth), {
      type: 'application-credential',
      authUrl: 'http://south/identity/v3',
      credential: { id: 'abc' },
      secret: 'shh',
    })
    assert.equal(auth.region, 'south-1')
    assert.equal(auth.tls.verify, false)
  })

  test('is completed by secure.yaml and by a profile of clouds-public.yaml', () => {
    const auth = read({
      'clouds.yaml': 'clouds: { one: { profile: vendor, auth: { username: seed, project_id: p1 } } }',
      'secure.yaml': 'clouds: { one: { auth: { password: hunter2 } } }',
      'clouds-public.yaml':
        'public-clouds: { vendor: { region_name: r1, auth: { auth_url: "http://{region_name}.vendor:5000/v3" } } }',
    })
    assert.deepEqual(method(auth), {
      type: 'password',
      authUrl: 'http://r1.vendor:5000/v3',
      user: { name: 'seed', domain: { id: 'default' } },
      password: 'hunter2',
      scope: { project: { id: 'p1' } },
    })
  })

  test('may be JSON, and elsewhere with OS_CLIENT_CONFIG_FILE', () => {
    const cloud = { auth_type: 'none', auth: { endpoint: 'http://glance:9292' } }
    const auth = read({ 'clouds.json': JSON.stringify({ clouds: { solo: cloud } }) })
    assert.deepEqual(method(auth), { type: 'none', endpoint: 'http://glance:9292', token: null })
    const path = auth.source.split(',')[0]
    assert.deepEqual(method(read({ 'clouds.yaml': TWO_CLOUDS }, { OS_CLIENT_CONFIG_FILE: path })), method(auth))
  })

  test('loses to OS_REGION_NAME only in the region', () => {
    const auth = read(
      { 'clouds.yaml': TWO_CLOUDS },
      { OS_CLOUD: 'north', OS_REGION_NAME: 'north-2', OS_USERNAME: 'me' },
    )
    assert.equal(auth.region, 'north-2')
    assert.deepEqual(method(auth).user, { name: 'seed', domain: { name: 'cloud' } })
  })
})

describe('the OS_* variables', () => {
  const OPENRC = {
    OS_AUTH_URL: 'http://keystone:5000/v3',
    OS_USERNAME: 'seed',
    OS_PASSWORD: 'hunter2',
    OS_PROJECT_NAME: 'images',
    OS_USER_DOMAIN_NAME: 'people',
    OS_PROJECT_DOMAIN_ID: 'd1',
    OS_REGION_NAME: 'RegionOne',
    OS_ENDPOINT_TYPE: 'internalURL',
    OS_CACERT: '/etc/ca.pem',
  }

  test('make a cloud of their own, which wins over clouds.yaml', () => {
    const auth = read({ 'clouds.yaml': TWO_CLOUDS }, OPENRC)
    assert.deepEqual(method(auth), {
      type: 'password',
      authUrl: 'http://keystone:5000/v3',
      user: { name: 'seed', domain: { name: 'people' } },
      password: 'hunter2',
      scope: { project: { name: 'images', domain: { id: 'd1' } } },
    })
    assert.equal(auth.region, 'RegionOne')
    assert.equal(auth.interface, 'internal')
    assert.equal(auth.tls.caFile, '/etc/ca.pem')
  })

  test('may give a token, a fixed token with an endpoint, or nothing but an endpoint', () => {
    const url = { OS_AUTH_URL: 'http://k/v3' }
    assert.deepEqual(method(read({}, { ...url, OS_TOKEN: 't', OS_SYSTEM_SCOPE: 'all' })), {
      type: 'token',
      authUrl: 'http://k/v3',
      token: 't',
      scope: { system: 'all' },
    })
    const fixed = read({}, { OS_AUTH_TYPE: 'admin_token', OS_TOKEN: 't', OS_ENDPOINT: 'http://g' })
    assert.deepEqual(method(fixed), { type: 'none', endpoint: 'http://g', token: 't' })
    const none = read({}, { OS_AUTH_TYPE: 'none', OS_ENDPOINT: 'http://g' })
    assert.deepEqual(method(none), { type: 'none', endpoint: 'http://g', token: null })
  })

  test('never show a password when they are printed', () => {
    const auth = read({}, OPENRC)
    assert.doesNotMatch(JSON.stringify(auth) + inspect(auth, { depth: 9 }) + String(auth.method), /hunter2/)
  })
})

describe('settings that cannot be used', () => {
  const OPENRC = { OS_AUTH_URL: 'http://k/v3', OS_USERNAME: 'u', OS_PASSWORD: 'p' }
  const cases: Record<string, [Record<string, string>, NodeJS.ProcessEnv, RegExp]> = {
    'no cloud': [{}, {}, /no cloud is configured/],
    'a choice of clouds': [{ 'clouds.yaml': TWO_CLOUDS }, {}, /north, south/],
    'an unknown cloud': [{ 'clouds.yaml': TWO_CLOUDS }, { OS_CLOUD: 'east' }, /"east"/],
    'a broken file': [{ 'clouds.yaml': 'clouds: [' }, {}, /not valid YAML/],
    'a file of text': [{ 'clouds.yaml': 'clouds' }, {}, /sections/],
    'no password': [{}, { ...OPENRC, OS_PASSWORD: '' }, /password is missing/],
    'no address': [{}, { ...OPENRC, OS_AUTH_URL: undefined }, /auth_url is missing/],
    'an address that is none': [{}, { ...OPENRC, OS_AUTH_URL: 'keystone' }, /auth_url/],
    'an address with a password': [{}, { ...OPENRC, OS_AUTH_URL: 'http://u:hunter2@k/v3' }, /^(?!.*hunter2).*auth_url/],
    'a Glance that is no address': [
      {},
      { ...OPENRC, OS_IMAGE_ENDPOINT_OVERRIDE: 'glance:9292' },
      /image_endpoint_override/,
    ],
    'an unknown way to log in': [{}, { ...OPENRC, OS_AUTH_TYPE: 'v3oidcpassword' }, /v3oidcpassword/],
    'an unknown interface': [{}, { ...OPENRC, OS_INTERFACE: 'secret' }, /interface/],
  }
  for (const [what, [files, env, message]] of Object.entries(cases)) {
    test(`are refused with what is wrong: ${what}`, () => {
      assert.throws(() => read(files, env), { code: 'SHOAL_CLOUD_CONFIG', message })
    })
  }
})
