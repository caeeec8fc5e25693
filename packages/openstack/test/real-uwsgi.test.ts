import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { silentLogger, systemClock } from '@shoal/core'
import { createImageHash, openGlance, readCloudAuth } from '@shoal/openstack'
import { startOpenStack } from '../../../infra/openstack/openstack.ts'

const TOKEN_TTL_SECONDS = 5
const STALL_TIMEOUT_SECONDS = 2

test("a pause that makes Debian's Glance cut the download, and the token expire, costs nothing but a Range", async () => {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-uwsgi-'))
  try {
    const file = join(directory, 'image.raw')
    await writeFile(file, randomBytes(32 * 1024 * 1024))
    await using cloud = await startOpenStack({
      directory: join(directory, 'cloud'),
      runner: 'uwsgi',
      stripContentLength: true,
      tokenTtlSeconds: TOKEN_TTL_SECONDS,
      stallTimeoutSeconds: STALL_TIMEOUT_SECONDS,
    })
    const id = await cloud.uploadImageFast({ name: 'stalled', file, diskFormat: 'raw' })
    const headers = await fileHeaders(`${cloud.glanceUrl}/v2/images/${id}/file`, await cloud.token())
    assert.equal(headers['content-length'], undefined)
    assert.equal(headers['transfer-encoding'], undefined)

    const deps = { clock: systemClock, logger: silentLogger }
    const glance = openGlance(deps, readCloudAuth({ env: { ...cloud.env }, searchPaths: [] }))
    const image = await glance.show(id)
    assert.ok(image)
    const hash = createImageHash(image)
    const statuses: number[] = []
    let hasPaused = false
    for await (const chunk of glance.download(image, { onRequest: ({ status }) => statuses.push(status) })) {
      hash.update(chunk)
      // What is waited for is the servers' own time-outs; there is no event on this side.
      if (!hasPaused) await delay(TOKEN_TTL_SECONDS * 1000 + 500)
      hasPaused = true
    }
    hash.verify()
    assert.deepEqual(statuses, [200, 206])
    await glance.close()
  } finally {
    await rm(directory, { recursive: true, force: true })
  }
})

/** The headers of a download that is not read further. */
function fileHeaders(url: string, token: string): Promise<NodeJS.Dict<string | string[]>> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { headers: { 'x-auth-token': token } }, (response) => {
      resolve(response.headers)
      response.destroy()
    })
    asked.on('error', reject)
    asked.end()
  })
}
