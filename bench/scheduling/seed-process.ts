import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { silentLogger } from '@shoal/core'
import { createLibrary } from '@shoal/library'
import { loadSeedConfig, startSeed } from '@shoal/seed'

/** A seed in a process of its own, so that what it takes is known: tells where it is, and on demand what it has taken. */
const directory = await mkdtemp(join(tmpdir(), 'shoal-bench-scheduling-'))
const images = join(directory, 'images')
await mkdir(images)
const library = createLibrary({ logger: silentLogger }, { directory: images })
const endpoint = await library.start()
const flags = {
  stateDirectory: join(directory, 'seed'),
  'library.endpoint': endpoint,
  'listen.port': '0',
  'tls.enabled': 'false',
  'swarm.port': '0',
  'tracker.port': '0',
  'dht.port': '0',
}
const seed = await startSeed(loadSeedConfig({ env: {}, flags }), { logger: silentLogger, env: {} })

process.on('message', (message) => {
  if (message === 'cpu') return void process.send?.({ cpu: process.cpuUsage() })
  void (async () => {
    await seed.stop()
    await library.stop()
    await rm(directory, { recursive: true, force: true })
    process.exit(0)
  })()
})
process.send?.({ url: seed.url, token: seed.nodeToken })
