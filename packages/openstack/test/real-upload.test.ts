import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { silentLogger, systemClock } from '@shoal/core'
import {
  type GlanceUploader,
  middleProperties,
  type NewImage,
  openGlance,
  openGlanceUploader,
  readCloudAuth,
} from '@shoal/openstack'
import { type OpenStack, startOpenStack } from '../../../infra/openstack/openstack.ts'

const DATA = randomBytes(24 * 1024 * 1024)
const MAX_DB_INTEGER = 2 ** 31 - 1
const deps = { clock: systemClock, logger: silentLogger }
const properties = middleProperties({
  parent: `sha256:${'ab'.repeat(32)}`,
  parentImage: undefined,
  guestDigest: 'cd'.repeat(32),
})
const middle: NewImage = {
  name: 'a middle',
  diskFormat: 'qcow2',
  visibility: 'private',
  isHidden: true,
  minDiskGb: MAX_DB_INTEGER,
  minRamMb: MAX_DB_INTEGER,
  properties,
}

let directory: string
let cloud: OpenStack
let uploader: GlanceUploader

before(async () => {
  directory = await mkdtemp(join(tmpdir(), 'shoal-upload-'))
  cloud = await startOpenStack({ directory: join(directory, 'cloud') })
  uploader = openGlanceUploader(deps, authOf('demo'))
})
after(async () => {
  await uploader?.close()
  await cloud?.stop()
  await rm(directory, { recursive: true, force: true })
})

function authOf(user: string) {
  return readCloudAuth({ env: { OS_CLIENT_CONFIG_FILE: cloud.cloudsFile, OS_CLOUD: user }, searchPaths: [] })
}

async function* chunksOf(data: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < data.length; at += 1024 * 1024) yield data.subarray(at, at + 1024 * 1024)
}

/** Statuses of all images that a user has, hidden ones among them; the data files that Glance keeps. */
async function remains() {
  const visible = async (hidden: boolean) => {
    const answer = await cloud.glance('GET', `/v2/images?os_hidden=${hidden}`, { user: 'demo' })
    return (answer as { images: { id: string }[] }).images.map(({ id }) => id)
  }
  const images = [...(await visible(false)), ...(await visible(true))]
  return { images, files: await readdir(join(directory, 'cloud/images')) }
}

describe('uploading to a real Glance', () => {
  test('gives an active, hidden, private image of these bytes that no flavor fits', async () => {
    const { id } = await uploader.createImage(middle)
    const image = await uploader.uploadImage(id, chunksOf(DATA), { sizeBytes: DATA.length })
    assert.equal(image.status, 'active')
    assert.equal(image.osHashValue, createHash('sha512').update(DATA).digest('hex'))
    const record = (await cloud.glance('GET', `/v2/images/${id}`, { user: 'demo' })) as Record<string, unknown>
    const { visibility, os_hidden, min_disk, min_ram, disk_format, container_format, shoal_parent } = record
    assert.deepEqual(
      { visibility, os_hidden, min_disk, min_ram, disk_format, container_format, shoal_parent },
      {
        visibility: 'private',
        os_hidden: true,
        min_disk: MAX_DB_INTEGER,
        min_ram: MAX_DB_INTEGER,
        disk_format: 'qcow2',
        container_format: 'bare',
        shoal_parent: properties.shoal_parent,
      },
    )
    const glance = openGlance(deps, authOf('demo'))
    const listed: string[] = []
    for await (const shown of glance.list()) listed.push(shown.id)
    assert.ok(!listed.includes(id), 'a list shows it')
    assert.deepEqual((await glance.show(id))?.properties.shoal_guest_digest, properties.shoal_guest_digest)
    await glance.close()
    await uploader.deleteImage(id)
    assert.deepEqual(await remains(), { images: [], files: [] })
  })

  test('that is interrupted leaves nothing', async () => {
    const { id } = await uploader.createImage(middle)
    const controller = new AbortController()
    const onProgress = (sentBytes: number) => {
      if (sentBytes > DATA.length / 2) controller.abort(new Error('interrupted'))
    }
    const options = { sizeBytes: DATA.length, onProgress, signal: controller.signal }
    await assert.rejects(uploader.uploadImage(id, chunksOf(DATA), options), { message: 'interrupted' })
    assert.deepEqual((await remains()).images, [])
  })

  test('with a larger min_disk than its database holds is refused with its words', async () => {
    const impossible = { ...middle, minDiskGb: MAX_DB_INTEGER + 1 }
    await assert.rejects(uploader.createImage(impossible), { code: 'SHOAL_GLANCE_REFUSED', message: /2147483647/ })
    assert.deepEqual((await remains()).images, [])
  })

  test('needs a token that Glance takes', async () => {
    const env = { OS_AUTH_TYPE: 'admin_token', OS_ENDPOINT: cloud.glanceUrl, OS_TOKEN: 'gAAAAAnone' }
    const stranger = openGlanceUploader(deps, readCloudAuth({ env, searchPaths: [] }))
    await assert.rejects(stranger.createImage(middle), { code: 'SHOAL_GLANCE_UNAUTHORIZED' })
    await stranger.close()
  })
})
