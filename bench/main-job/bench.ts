import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createLab, type Lab } from '../../infra/lab/lab.ts'
import { type Cluster, createCluster } from '../../test/harness/cluster.ts'
import { importOnlyImage } from '../../test/harness/import-only-image.ts'
import { writeRandomRaw } from '../../test/harness/test-images.ts'
import { until } from '../../test/harness/until.ts'

const MIB = 1024 * 1024
const NODES = 8
const RATE_MBIT = 200
const LIBRARY_PORT = 9292
const SHOAL = join(import.meta.dirname, '../../packages/cli/bin/shoal.js')
const CLOCK_TICKS_PER_SECOND = 100

/** See README.md beside this file. */
export async function run({ quick, say }: { quick: boolean; say: (line: string) => void }) {
  const sizeBytes = (quick ? 64 : 256) * MIB
  await using stack = new AsyncDisposableStack()
  const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-'))
  stack.defer(() => rm(directory, { recursive: true, force: true }))
  const lab = await createLab(plan())
  stack.defer(() => lab.destroy())
  const images = join(directory, 'images')
  await mkdir(images)
  await writeRandomRaw(join(images, 'disk.raw'), sizeBytes)
  const seedHost = lab.address('seed')
  lab
    .host('seed')
    .exec(
      [
        process.execPath,
        SHOAL,
        'library',
        'serve',
        '--directory',
        images,
        '--host',
        seedHost,
        '--port',
        `${LIBRARY_PORT}`,
      ],
      { log: join(directory, 'library.log') },
    )
  const library = `http://${seedHost}:${LIBRARY_PORT}`
  const image = await until('the library serves', async () => {
    const answer = (await (await fetch(`${library}/v2/images`)).json()) as { images: { id: string }[] }
    return answer.images[0]?.id
  })

  const plainSeconds = await timePlain(lab, `${library}/v2/images/${image}/file`)
  say(`plain: ${NODES} nodes read the library at once, the last was done after ${plainSeconds.toFixed(1)} s`)

  const cluster = await createCluster(
    { after: (fn) => stack.defer(async () => void (await fn())) },
    {
      peers: NODES,
      lab,
      library: { endpoint: library },
    },
  )
  await cluster.startSeed()
  await cluster.startPeers()
  const importBegin = performance.now()
  const layer = await importOnlyImage(cluster)
  const importSeconds = secondsSince(importBegin)
  const cpuBefore = await cpuSeconds(cluster)
  const begin = performance.now()
  await cluster.assign(layer)
  const shown = await cluster.complete(layer)
  const oursSeconds = secondsSince(begin)
  const cpu = (await cpuSeconds(cluster)) - cpuBefore
  const { library: read } = await cluster.client.status()
  say(`ours: imported in ${importSeconds.toFixed(1)} s, on all ${NODES} nodes after ${oursSeconds.toFixed(1)} s more`)

  const rate = (RATE_MBIT * 1e6) / 8
  const bound = Math.max(sizeBytes / rate, (NODES * sizeBytes) / (rate * (NODES + 1)))
  return {
    plainOverOurs: round(plainSeconds / oursSeconds),
    lastOverBound: round(oursSeconds / bound),
    seedCopies: round(shown.seedCopies),
    libraryCopies: round(read.readBytes / sizeBytes),
    importSeconds: round(importSeconds),
    oursSeconds: round(oursSeconds),
    plainSeconds: round(plainSeconds),
    cpuSecondsPerGiB: round(cpu / ((NODES * sizeBytes) / 1024 ** 3)),
  }
}

function plan() {
  const nodes = Array.from({ length: NODES }, (_, index) => ({ name: `node${index + 1}`, rateMbit: RATE_MBIT }))
  return {
    core: [{ name: 'seed', rateMbit: RATE_MBIT }],
    racks: [
      { name: 'rack1', zone: 'zone1', nodes: nodes.slice(0, NODES / 2) },
      { name: 'rack2', zone: 'zone1', nodes: nodes.slice(NODES / 2) },
    ],
  }
}

/** Every node reads the image at once; seconds until the last one has it. */
async function timePlain(lab: Lab, url: string): Promise<number> {
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: NODES }, async (_, index) => {
      const { namespace } = lab.host(`node${index + 1}`)
      const argv = [
        'netns',
        'exec',
        namespace,
        'curl',
        '--silent',
        '--fail',
        '--noproxy',
        '*',
        '--output',
        '/dev/null',
        url,
      ]
      const [code] = await once(spawn('ip', argv, { stdio: 'ignore' }), 'exit')
      if (code !== 0) throw new Error(`curl on node${index + 1} ended with ${code}`)
    }),
  )
  return secondsSince(begin)
}

/** User and system time of all services so far, from /proc (proc(5), fields 14 and 15 of stat). */
async function cpuSeconds(cluster: Cluster): Promise<number> {
  const times = await Promise.all(
    [cluster.seed, ...cluster.peers].map(async ({ pid }) => {
      const fields = (await readFile(`/proc/${pid}/stat`, 'utf8')).split(') ')[1]?.split(' ') ?? []
      return (Number(fields[11]) + Number(fields[12])) / CLOCK_TICKS_PER_SECOND
    }),
  )
  return times.reduce((sum, seconds) => sum + seconds, 0)
}

function secondsSince(begin: number): number {
  return (performance.now() - begin) / 1000
}

function round(value: number): number {
  return Math.round(value * 100) / 100
}
