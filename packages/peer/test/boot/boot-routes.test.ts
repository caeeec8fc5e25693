import { deepEqual, equal } from 'node:assert/strict'
import { test } from 'node:test'
import { createClient } from '@shoal/api'
import { silentLogger } from '@shoal/core'
import { createHealth, createHttpService, createMetrics } from '@shoal/service'
import { registerBootMetrics } from '../../src/boot/metrics.ts'
import { bootStatusByCode, registerBootRoutes } from '../../src/boot/routes.ts'
import { layeredDisk } from '../compose/layered-disk.ts'
import { bootingNode, soon } from './booting-node.ts'

const TOKEN = 'a-token-of-an-operator'

/** The API of a node's boots, over real HTTP. */
async function served(boots: Awaited<ReturnType<typeof bootingNode>>['boots']) {
  const metrics = createMetrics({ process: false })
  const counters = registerBootMetrics(metrics, boots)
  const service = await createHttpService(
    { logger: silentLogger, metrics, health: createHealth() },
    {
      ...{ name: 'node', version: '0', host: '127.0.0.1', port: 0, tokens: { operator: TOKEN } },
      ...{ openapi: { title: 'node', description: '' }, statusByCode: bootStatusByCode },
    },
  )
  registerBootRoutes(service.app, boots)
  const url = await service.start()
  const http = async (method: string, path: string, body?: unknown, token = TOKEN) => {
    const type = body === undefined ? {} : { 'content-type': 'application/json' }
    const headers = { authorization: `Bearer ${token}`, ...type }
    const sent = body === undefined ? null : JSON.stringify(body)
    const answer = await fetch(`${url}/v1/boots${path}`, { method, headers, body: sent })
    const text = await answer.text()
    return [answer.status, text === '' ? undefined : JSON.parse(text).error?.code]
  }
  const client = createClient({ baseUrl: url, token: TOKEN })
  return { client, counters, http, text: () => metrics.text(), [Symbol.asyncDispose]: () => service.stop() }
}

test('boots are prepared, listed, shown and released by the API, which refuses what is not valid', async () => {
  await using node = await bootingNode()
  const { base } = await layeredDisk({ baseFormat: 'raw', sizeBytes: 1024 ** 2 })
  await node.describe(base)
  await using api = await served(node.boots)
  const layer = base.manifest.digest
  const params = { boot: 'vm-1' }
  const prepared = await api.client.prepareBoot({ params, body: { layer } })
  deepEqual([prepared.state, prepared.blockdev.length], ['ready', 4])
  deepEqual(await api.client.prepareBoot({ params, body: { layer } }), prepared)
  deepEqual(await api.client.showBoot({ params }), prepared)
  deepEqual((await api.client.listBoots()).boots, [prepared])
  const overlay = prepared.overlay ?? ''
  for (const [answer, method, path, body] of [
    [[400, 'SHOAL_BOOT_REQUEST'], 'PUT', '/x', {}],
    [[400, 'SHOAL_HTTP_INVALID'], 'PUT', '/x', { layer: 'sha256:1' }],
    [[400, 'SHOAL_HTTP_INVALID'], 'PUT', '/x', { layer, overlay: 'relative' }],
    [[400, 'SHOAL_HTTP_INVALID'], 'PUT', '/.hidden', { layer }],
    [[400, 'SHOAL_HTTP_INVALID'], 'PUT', '/a%2fb', { layer }],
    [[409, 'SHOAL_BOOT_NAME_TAKEN'], 'PUT', '/vm-1', { layer, overlay: null }],
    [[409, 'SHOAL_BOOT_OVERLAY_TAKEN'], 'PUT', '/x', { layer, overlay }],
    [[404, 'SHOAL_BOOT_UNKNOWN'], 'GET', '/x', undefined],
    [[404, 'SHOAL_BOOT_UNKNOWN'], 'DELETE', '/x', undefined],
    [[204, undefined], 'DELETE', '/vm-1', undefined],
  ] as const) {
    deepEqual(await api.http(method, path, body), answer, `${method} ${path}`)
  }
  equal((await api.http('GET', '', undefined, 'another'))[0], 401)
  deepEqual((await api.client.listBoots()).boots, [])
})

test('what machines read is counted, warm and cold apart', async () => {
  await using node = await bootingNode(soon)
  await using api = await served(node.boots)
  await node.boots.prepare('vm', { image: 'web' })
  api.counters.read({ seconds: 0.0002, isWarm: true, onDemandBytes: 0 })
  api.counters.read({ seconds: 0.02, isWarm: false, onDemandBytes: 262_144 })
  api.counters.firstByte(0.3)
  api.counters.stalled()
  api.counters.failed()
  api.counters.profiled({ foretold: 9, others: 1 })
  const lines = (await api.text()).split('\n')
  for (const line of [
    'shoal_boot_disks{state="preparing"} 1',
    'shoal_boot_read_seconds_count{kind="warm"} 1',
    'shoal_boot_read_seconds_bucket{le="0.025",kind="cold"} 1',
    'shoal_boot_on_demand_bytes_total 262144',
    'shoal_boot_first_byte_seconds_count 1',
    'shoal_boot_stalls_total 1',
    'shoal_boot_failed_reads_total 1',
    'shoal_boot_profile_blocks_total{foretold="yes"} 9',
    'shoal_boot_profile_blocks_total{foretold="no"} 1',
  ]) {
    equal(lines.includes(line), true, line)
  }
})
