import { readFile } from 'node:fs/promises'
import { join, relative, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Layer } from '@shoal/api'
import { DEFAULT_SEED_URL, formatBytes, formatRate } from '@shoal/cli'
import { errorCode, errorMessage, ShoalError } from '@shoal/core'
import { buildExampleImages } from './build-images.ts'
import { devError } from './errors.ts'
import { checkPorts, type Fleet, startFleet } from './fleet.ts'
import { awaitFleet, distribute, importImage, makeLayers, verifyEverywhere } from './steps.ts'

const USAGE = `Usage: node infra/dev/start.ts [--once] [--directory .shoal] [--peers 3] [--network 127.0.0]
  Starts a seed with an embedded image library and peers, all on this machine; imports, distributes and verifies
  example images, then serves until Ctrl-C.
  --once       exit after the verification
  --directory  where everything lives; a second start goes on from what is there
  --peers      how many peers
  --network    first three numbers of the loopback network: the seed is .1, the peers follow`

const root = join(import.meta.dirname, '../..')
const MAX_PEERS = 50

interface StartOptions {
  once: boolean
  directory: string
  peers: number
  network: string
}

function readOptions(): StartOptions | undefined {
  const { values } = parse()
  if (values.help) return undefined
  const peers = Number(values.peers)
  if (!Number.isInteger(peers) || peers < 1 || peers > MAX_PEERS) {
    throw devError('SHOAL_DEV_ARGUMENT', { reason: `--peers ${values.peers} is not a number from 1 to ${MAX_PEERS}.` })
  }
  if (!/^127\.\d{1,3}\.\d{1,3}$/.test(values.network)) {
    throw devError('SHOAL_DEV_ARGUMENT', { reason: `--network ${values.network} is not like 127.0.0.` })
  }
  const directory = values.directory === undefined ? join(root, '.shoal') : resolve(values.directory)
  return { once: values.once, directory, peers, network: values.network }
}

function parse() {
  try {
    return parseArgs({
      options: {
        once: { type: 'boolean', default: false },
        directory: { type: 'string' },
        peers: { type: 'string', default: '3' },
        network: { type: 'string', default: '127.0.0' },
        help: { type: 'boolean', default: false },
      },
    })
  } catch (error) {
    throw devError('SHOAL_DEV_ARGUMENT', { reason: errorMessage(error) }, error)
  }
}

function say(step: string, text: string): void {
  process.stdout.write(`${step.padEnd(13)} ${text}\n`)
}

/** Brings an image from the library to every peer, and says how it went: a line per step. */
async function show(fleet: Fleet, names: readonly string[], signal: AbortSignal): Promise<void> {
  const images = await awaitFleet(fleet, { images: names, signal })
  say('peers', `${fleet.peers.length} ready: ${fleet.peers.map(({ name, url }) => `${name} ${url}`).join(', ')}`)
  const found = new Map<string, Layer>()
  for (const image of images) {
    const { layer, wasThere, seconds, image: published } = await importImage(fleet, image, { signal })
    const size = formatBytes(layer.sizeBytes)
    const requests = published.import?.libraryRequests ?? 1
    const read = `${size} in ${seconds.toFixed(1)} s, ${formatRate(layer.sizeBytes / seconds)}, library read ${times(requests)}`
    say('import', `${image.name}: ${wasThere ? `${size}, already there` : read}`)
    const made = await makeLayers(fleet, published, { signal })
    for (const each of made.layers) found.set(each.digest, each)
    const [, middle] = made.layers
    if (middle !== undefined) say('layers', `${image.name}: ${saving(middle.sizeBytes, made.flatBytes)}`)
  }
  const layers = [...found.values()]
  for await (const { layer, nodes, wasThere, seconds } of distribute(fleet, layers, { signal })) {
    const name = images.find(({ id }) => layer.images.includes(id))?.name ?? layer.digest
    const bytes = layer.sizeBytes * nodes
    const took = `${formatBytes(bytes)} to ${nodes} nodes in ${seconds.toFixed(1)} s, ${formatRate(bytes / seconds)}`
    const there = `on ${nodes} nodes, already there`
    say('distribution', `${name}: ${wasThere ? there : took}, seed copies ${layer.seedCopies.toFixed(2)}`)
  }
  const { checkedBytes, copies, seconds } = await verifyEverywhere(fleet, layers, { signal })
  const rate = formatRate(checkedBytes / seconds)
  say(
    'verification',
    `${copies} copies, ${formatBytes(checkedBytes)} in ${seconds.toFixed(1)} s, ${rate}: every block and digest matches`,
  )
}

function saving(middleBytes: number, flatBytes: number): string {
  const saved = Math.round((1 - middleBytes / flatBytes) * 100)
  return `a middle of ${formatBytes(middleBytes)} on its base in place of ${formatBytes(flatBytes)} (saves ${saved} %)`
}

/** The name that the description beside an image gives it in the library. */
async function displayName(path: string): Promise<string> {
  const description: unknown = JSON.parse(await readFile(path.replace(/\.\w+$/, '.json'), 'utf8'))
  return String((description as { name?: unknown }).name)
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}

function sayNext(
  { seed, peers, tokenFile, imageDirectory, logDirectory }: Fleet,
  [system, application]: string[],
): void {
  const here = (path: string) => (relative(process.cwd(), path).startsWith('..') ? path : relative(process.cwd(), path))
  // In the usual place, the command line finds seed and token by itself.
  const isUsual = here(tokenFile) === '.shoal/seed/operator.token'
  const token = isUsual ? '' : ` --token-file ${here(tokenFile)}`
  const access = `${seed.url === DEFAULT_SEED_URL ? '' : ` --seed ${seed.url}`}${token}`
  const [peer] = peers
  process.stdout.write(`
Everything serves. Try next:
  ${seed.url}/        the dashboard; sign in with what is in ${here(tokenFile)}
  ${seed.url}/docs    the API, readable; ${seed.url}/openapi.json
  npm run -s shoal -- status${access}
  npm run -s shoal -- image list${access}
  npm run -s shoal -- layer tree${access}
  npm run -s shoal -- image show "${system}"${access}
  npm run -s shoal -- layer verify "${system}" --peer ${peer?.url}${access}
  npm run -s shoal -- layer compose "${application}" --peer ${peer?.url} --name application.raw --wait${access}
  npm run -s shoal -- node show ${peer?.name}${access}
  npm run -s shoal -- status --peer ${peer?.url}${token}
  npm run -s shoal -- event watch${access}
  curl -H "Authorization: Bearer $(cat ${here(tokenFile)})" ${seed.url}/metrics
Put more .qcow2 or .raw files into ${here(imageDirectory)}; logs are in ${here(logDirectory)}. Ctrl-C ends it.
`)
}

async function start(options: StartOptions, signal: AbortSignal): Promise<void> {
  const begin = Date.now()
  await checkPorts(options)
  const images = await buildExampleImages(join(options.directory, 'images'), { signal })
  const built = `${images.filter(({ wasBuilt }) => wasBuilt).length} built in ${secondsSince(begin)}`
  const sizes = images.map(({ name, sizeBytes }) => `${name} ${formatBytes(sizeBytes)}`).join(', ')
  say('images', `${sizes}: ${images.some(({ wasBuilt }) => wasBuilt) ? built : 'already there'}`)
  await using fleet = await startFleet(options)
  say('seed', `${fleet.seed.url}, library ${fleet.imageDirectory}`)
  const names = await Promise.all(images.map(({ path }) => displayName(path)))
  await Promise.race([show(fleet, names, signal), fleet.failure])
  say('done', `in ${secondsSince(begin)}`)
  if (options.once) return
  sayNext(fleet, names)
  await Promise.race([aborted(signal), fleet.failure])
  process.stdout.write('\nStopping.\n')
}

function secondsSince(begin: number): string {
  return `${((Date.now() - begin) / 1000).toFixed(1)} s`
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** 2 for a wrong argument, 130 when interrupted before everything was there. */
async function run(): Promise<number> {
  const interruption = new AbortController()
  for (const name of ['SIGINT', 'SIGTERM'] as const) {
    process.on(name, () => interruption.abort(new Error(`${name} received`)))
  }
  try {
    const options = readOptions()
    if (options === undefined) process.stdout.write(`${USAGE}\n`)
    else await start(options, interruption.signal)
    return 0
  } catch (error) {
    if (interruption.signal.aborted) return 130
    const text =
      error instanceof ShoalError
        ? `error: ${error.message}\nhint: ${error.hint}\ncode: ${error.code}`
        : error instanceof Error
          ? error.stack
          : String(error)
    process.stderr.write(`${text}\n`)
    return errorCode(error) === 'SHOAL_DEV_ARGUMENT' ? 2 : 1
  }
}

process.exitCode = await run()
