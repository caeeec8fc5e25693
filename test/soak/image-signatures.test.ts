import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'
import { type OpenStack, startOpenStack } from '../../infra/openstack/openstack.ts'
import { createCluster } from '../harness/cluster.ts'
import { undoAfter } from '../harness/undo.ts'

const run = promisify(execFile)
const HARNESS = join(import.meta.dirname, '../harness')
const BARBICAN_UP = join(import.meta.dirname, '../../infra/openstack/barbican-up.sh')

type Properties = Readonly<Record<string, string>>

/** What cursive has verified, with certificates that a real Barbican keeps. */
interface Signed {
  readonly trusted: string
  readonly images: readonly Properties[]
  readonly stranger: Properties
}

it('what Nova verifies the seed verifies: every key type and hash, certificates of a real Barbican, and nothing else', {
  timeout: 600_000,
}, async (t) => {
  const undo = undoAfter(t)
  const directory = await mkdtemp(join(tmpdir(), 'shoal-signatures-'))
  undo.after(() => rm(directory, { recursive: true, force: true }))
  const cloud = join(directory, 'cloud')
  const openstack = await startOpenStack({ directory: cloud })
  undo.after(() => openstack.stop())
  const { stdout } = await run(BARBICAN_UP, [cloud], { timeout: 240_000 })
  const [, barbican = ''] = /BARBICAN_URL=(\S+)/.exec(stdout) ?? []
  const file = join(directory, 'image.raw')
  await writeFile(file, Buffer.concat([Buffer.alloc(4096), randomBytes(2 * 1024 ** 2)]))
  const signed = await signImages({ openstack, barbican, file })

  const cluster = await createCluster(undo, {
    ...{ peers: 0, library: {}, seedEnv: openstack.env },
    seedConfig: { images: { signatures: { policy: 'required', trustedCertificates: [signed.trusted] } } },
  })
  await cluster.startSeed()
  const importWith = async (properties: Properties) => {
    const image = await openstack.uploadImageFast({ name: 'signed', file, diskFormat: 'raw' })
    // Not at once: this Glance is not told of the key manager, and would verify the upload.
    const patch = Object.entries(properties).map(([name, value]) => ({ op: 'add', path: `/${name}`, value }))
    if (patch.length > 0) await openstack.glance('PATCH', `/v2/images/${image}`, { patch })
    const { import: end, signature } = await cluster.import(image)
    return { state: signature.state, code: end?.error?.code, subject: signature.subject }
  }
  assert.equal(signed.images.length, 11)
  for (const properties of signed.images) {
    const { img_signature_key_type: kind, img_signature_hash_method: method } = properties
    const subject = `CN=${kind} ${method}`
    assert.deepEqual(await importWith(properties), { state: 'verified', code: undefined, subject })
  }
  const [first = {}, second = {}] = signed.images
  const refused = async (properties: Properties) => (await importWith(properties)).code
  assert.equal(await refused({ ...first, img_signature: second.img_signature ?? '' }), 'SHOAL_IMAGE_SIGNATURE_MISMATCH')
  assert.equal(await refused(signed.stranger), 'SHOAL_IMAGE_SIGNATURE_CERTIFICATE')
  const unknown = { ...first, img_signature_certificate_uuid: '00000000-0000-4000-8000-000000000000' }
  assert.equal(await refused(unknown), 'SHOAL_IMAGE_SIGNATURE_CERTIFICATE')
  assert.equal(await refused({}), 'SHOAL_IMAGE_UNSIGNED')
})

async function signImages({
  openstack,
  barbican,
  file,
}: {
  openstack: OpenStack
  barbican: string
  file: string
}): Promise<Signed> {
  const token = await openstack.token('admin')
  const whose = await fetch(`${openstack.keystoneUrl}/auth/tokens`, {
    headers: { 'x-auth-token': token, 'x-subject-token': token },
  })
  const { token: about } = (await whose.json()) as { token: { project: { id: string } } }
  const signing = run('/usr/bin/python3', [join(HARNESS, 'sign_images.py')], { timeout: 120_000 })
  const { keystoneUrl: auth_url } = openstack
  signing.child.stdin?.end(JSON.stringify({ auth_url, barbican, token, project: about.project.id, file }))
  return JSON.parse((await signing).stdout) as Signed
}
