import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchLayer } from './bench-layer.ts'
import type { Engine, EnginePlace, EngineRole, EngineRun } from './engine.ts'
import { EngineProcess, engineEnvironment } from './engine-process.ts'
import { postPatiently } from './post-patiently.ts'

const STOP_TIMEOUT_MS = 5000
const POLL_MS = 50
const CHECK_TIMEOUT_MS = 120_000
const MANY = 500
const DONE = 'the download is done'

/** transmission-daemon without public discovery and without any limit of its own. */
export const transmission: Engine = {
  name: 'transmission',
  startSeed: (place, layer) => start('seed', place, layer),
  startPeer: (place, layer) => start('peer', place, layer),
}

function settings({ host, port }: EnginePlace, paths: { directory: string; doneScript: string }): object {
  return {
    'download-dir': paths.directory,
    'script-torrent-done-enabled': true,
    'script-torrent-done-filename': paths.doneScript,
    'incomplete-dir-enabled': false,
    'bind-address-ipv4': host,
    'bind-address-ipv6': '::1',
    'peer-port': port,
    'peer-port-random-on-start': false,
    ...{ 'dht-enabled': false, 'pex-enabled': false, 'lpd-enabled': false, 'utp-enabled': false },
    ...{ 'port-forwarding-enabled': false, 'blocklist-enabled': false },
    ...{ 'peer-limit-global': MANY, 'peer-limit-per-torrent': MANY, 'upload-slots-per-torrent': MANY },
    ...{ 'speed-limit-up-enabled': false, 'speed-limit-down-enabled': false, 'ratio-limit-enabled': false },
    ...{ 'idle-seeding-limit-enabled': false, 'queue-stalled-enabled': false, 'download-queue-enabled': false },
    // 0: plain streams; encryption would only cost.
    encryption: 0,
    // 1: sparse files.
    preallocation: 1,
    'prefetch-enabled': true,
    'cache-size-mb': 64,
    'message-level': 2,
    'rpc-enabled': true,
    'rpc-bind-address': '0.0.0.0',
    'rpc-port': port + 1,
    'rpc-whitelist-enabled': false,
    'rpc-host-whitelist-enabled': false,
  }
}

interface TorrentState {
  readonly status: number
  readonly leftUntilDone: number
  readonly uploadedEver: number
  readonly recheckProgress: number
}

const SEEDING = 6

async function start(role: EngineRole, place: EnginePlace, layer: BenchLayer): Promise<EngineRun> {
  const { node, host, port } = place
  const directory = join(place.directory, 'files')
  const home = join(place.directory, 'home')
  for (const path of [directory, home]) await mkdir(path, { recursive: true })
  if (role === 'seed') await layer.linkInto(directory)
  // Its log says nothing of it; being asked again and again would cost it time.
  const doneScript = join(home, 'done.sh')
  await writeFile(doneScript, `#!/bin/sh\necho ${DONE}\n`, { mode: 0o755 })
  await writeFile(join(home, 'settings.json'), JSON.stringify(settings(place, { directory, doneScript })))
  const child = place.launch(['transmission-daemon', '--foreground', '--config-dir', home], {
    env: engineEnvironment(),
  })
  const program = new EngineProcess(`transmission (${node})`, child)
  const done = program.line((line) => (line.includes(DONE) ? true : undefined)).then(() => {})
  done.catch(() => {})
  const call = createRpc(`http://${host}:${port + 1}/transmission/rpc`)
  const state = async () => {
    const fields = ['status', 'leftUntilDone', 'uploadedEver', 'recheckProgress']
    const { torrents } = (await call('torrent-get', { fields })) as { torrents: TorrentState[] }
    return torrents[0]
  }
  try {
    const metainfo = (await readFile(layer.torrentFile)).toString('base64')
    await Promise.race([call('torrent-add', { metainfo, paused: role === 'peer' }), program.ended])
    // A seed finds its file when it checks it, which it does by itself.
    const deadline = Date.now() + CHECK_TIMEOUT_MS
    while (role === 'seed') {
      const { status, leftUntilDone } = (await state()) ?? { status: 0, leftUntilDone: 1 }
      if (status === SEEDING && leftUntilDone === 0) break
      if (Date.now() > deadline) throw new Error('transmission does not take the seed for complete')
      await sleep(POLL_MS)
    }
    return {
      ...{ pid: program.pid, file: layer.fileIn(directory), done },
      async begin() {
        if (role === 'peer') await call('torrent-start-now', {})
      },
      cpuSeconds: () => program.cpuSeconds(),
      peakRssMiB: () => program.peakRssMiB(),
      kill: () => program.kill(),
      async stop() {
        const uploadedBytes = await state().then(
          (last) => last?.uploadedEver ?? null,
          () => null,
        )
        await program.stop({ timeoutMs: STOP_TIMEOUT_MS })
        return { uploadedBytes }
      },
    }
  } catch (error) {
    await program.kill()
    throw error
  }
}

const SESSION_HEADER = 'x-transmission-session-id'

/** Transmission's RPC: the first answer is a refusal with the session id that all further calls must carry. */
function createRpc(url: string): (method: string, parameters: object) => Promise<unknown> {
  let session = ''
  const call = async (method: string, parameters: object): Promise<unknown> => {
    const body = JSON.stringify({ method, arguments: parameters })
    const answer = await postPatiently(url, { body, headers: { [SESSION_HEADER]: session } })
    if (answer.status === 409 && answer.headers.get(SESSION_HEADER) !== session) {
      await answer.body?.cancel()
      session = answer.headers.get(SESSION_HEADER) ?? ''
      return call(method, parameters)
    }
    const { result, arguments: given } = (await answer.json()) as { result: string; arguments: unknown }
    if (result !== 'success') throw new Error(`transmission answered ${method} with: ${result}`)
    return given
  }
  return call
}
