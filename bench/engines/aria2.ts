import { randomBytes } from 'node:crypto'
import { mkdir } from 'node:fs/promises'
import type { BenchLayer } from './bench-layer.ts'
import type { Engine, EnginePlace, EngineRole, EngineRun } from './engine.ts'
import { EngineProcess, engineEnvironment } from './engine-process.ts'
import { postPatiently } from './post-patiently.ts'

const STOP_TIMEOUT_MS = 3000

/** aria2 without public discovery and without any limit of its own. */
export const aria2: Engine = {
  name: 'aria2',
  startSeed: (place, layer) => start('seed', place, layer),
  startPeer: (place, layer) => start('peer', place, layer),
}

async function start(role: EngineRole, place: EnginePlace, layer: BenchLayer): Promise<EngineRun> {
  const { node, host, port, directory } = place
  await mkdir(directory, { recursive: true })
  if (role === 'seed') await layer.linkInto(directory)
  const rpcPort = port + 1
  const secret = randomBytes(12).toString('hex')
  const flags = [
    `--dir=${directory}`,
    `--interface=${host}`,
    `--listen-port=${port}`,
    ...['--enable-dht=false', '--bt-enable-lpd=false', '--enable-peer-exchange=false'],
    ...['--seed-ratio=0.0', '--bt-max-peers=0', '--file-allocation=none'],
    // A seed trusts its file: what checking costs is not what is measured.
    '--bt-seed-unverified=true',
    // aria2 says nothing when it turns to seeding; the hook prints the file's path.
    ...['--on-bt-download-complete=/bin/echo', '--summary-interval=0', '--console-log-level=notice'],
    // Its progress has no line of its own: after a minute it would stand before what the hook prints.
    '--show-console-readout=false',
    ...['--enable-rpc=true', '--rpc-listen-all=true', `--rpc-listen-port=${rpcPort}`, `--rpc-secret=${secret}`],
    `--pause=${role === 'peer'}`,
  ]
  const child = place.launch(['aria2c', '--no-conf=true', ...flags, layer.torrentFile], { env: engineEnvironment() })
  const program = new EngineProcess(`aria2 (${node})`, child)
  const done = program.line((line) => (/^[0-9a-f]{16} 1 \//.test(line) ? true : undefined)).then(() => {})
  done.catch(() => {})
  const call = (method: string, ...parameters: unknown[]) =>
    rpc(`http://${host}:${rpcPort}/jsonrpc`, secret, method, parameters)
  try {
    await Promise.race([call('getVersion'), program.ended])
    return {
      ...{ pid: program.pid, file: layer.fileIn(directory), done },
      async begin() {
        if (role === 'peer') await call('unpauseAll')
      },
      cpuSeconds: () => program.cpuSeconds(),
      peakRssMiB: () => program.peakRssMiB(),
      kill: () => program.kill(),
      async stop() {
        const uploadedBytes = await call('tellActive', ['uploadLength']).then(firstUploadLength, () => null)
        // It tells the tracker that it goes, and would wait for the answer.
        await program.stop({ timeoutMs: STOP_TIMEOUT_MS })
        return { uploadedBytes }
      },
    }
  } catch (error) {
    await program.kill()
    throw error
  }
}

function firstUploadLength(answer: unknown): number | null {
  const [first] = answer as { uploadLength: string }[]
  return first === undefined ? null : Number(first.uploadLength)
}

/** JSON-RPC 2.0. */
async function rpc(url: string, secret: string, method: string, parameters: unknown[]): Promise<unknown> {
  const body = JSON.stringify({
    ...{ jsonrpc: '2.0', id: 1, method: `aria2.${method}` },
    params: [`token:${secret}`, ...parameters],
  })
  const answer = await postPatiently(url, { body })
  const { result, error } = (await answer.json()) as { result?: unknown; error?: { message: string } }
  if (error !== undefined) throw new Error(`aria2 answered ${method} with: ${error.message}`)
  return result
}
