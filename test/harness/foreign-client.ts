import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { LabHost } from '../../infra/lab/lab-host.ts'
import { transmissionCommand } from './transmission-command.ts'

/** A BitTorrent client that nobody here wrote, downloading one torrent into a directory and then seeding it. */
export interface ForeignClient {
  readonly name: ForeignName
  /** `host:port` at which it takes connections. */
  readonly address: string
  /** Resolves when the client says that it has everything. */
  downloaded(): Promise<void>
  stop(): Promise<void>
}

export interface ForeignOptions {
  /** The machine of the lab it runs on. */
  readonly host: LabHost
  readonly torrentFile: string
  /** Where the torrent's file goes, or is already; the client keeps its own things there, too. */
  readonly directory: string
}

/** How to start a client, and what it prints when it has everything. */
export interface ForeignCommand {
  readonly argv: readonly string[]
  readonly marker: RegExp
}

export type ForeignName = 'aria2' | 'libtorrent' | 'transmission'

export const FOREIGN_NAMES: readonly ForeignName[] = ['aria2', 'libtorrent', 'transmission']

/** Each client has a machine of its own, so it may have the usual port. */
const PORT = 6881

const commands: Record<ForeignName, (options: ForeignOptions, port: number) => Promise<ForeignCommand>> = {
  aria2: aria2Command,
  libtorrent: libtorrentCommand,
  transmission: transmissionCommand,
}

/** Starts a client on a machine of the lab, as it comes but for discovery outside the tracker. */
export async function startForeign(name: ForeignName, options: ForeignOptions): Promise<ForeignClient> {
  const { argv, marker } = await commands[name](options, PORT)
  const { namespace, address } = options.host
  // `ip netns exec` replaces itself by the client, so the pid is the client's own.
  const client = spawn('ip', ['netns', 'exec', namespace, ...argv], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: withoutProxy(),
  })
  const seen = saysThat(client, marker)
  return {
    name,
    address: `${address}:${PORT}`,
    downloaded: () => seen,
    async stop() {
      if (client.exitCode !== null || client.signalCode !== null) return
      client.kill('SIGKILL')
      await once(client, 'exit')
    },
  }
}

async function aria2Command({ directory, torrentFile }: ForeignOptions, port: number): Promise<ForeignCommand> {
  const argv = [
    'aria2c',
    `--dir=${directory}`,
    `--listen-port=${port}`,
    '--enable-dht=false',
    '--bt-enable-lpd=false',
    '--enable-peer-exchange=false',
    '--seed-ratio=0.0',
    '--check-integrity=true',
    '--bt-hash-check-seed=true',
    '--summary-interval=0',
    '--console-log-level=notice',
    '--bt-tracker-interval=2',
    // aria2 says nothing when it turns to seeding; the hook prints the file's path.
    '--on-bt-download-complete=/bin/echo',
    torrentFile,
  ]
  return { argv, marker: /^[0-9a-f]{16} 1 \//m }
}

async function libtorrentCommand({ directory, torrentFile }: ForeignOptions, port: number): Promise<ForeignCommand> {
  const script = fileURLToPath(new URL('libtorrent-client.py', import.meta.url))
  return { argv: ['/usr/bin/python3', script, torrentFile, directory, String(port)], marker: /^seeding$/m }
}

/** Resolves when the process prints what matches; rejects with what it printed when it ends before. */
function saysThat(client: ChildProcess, marker: RegExp): Promise<void> {
  let output = ''
  const seen = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-64 * 1024)
      if (marker.test(output)) resolve()
    }
    client.stdout?.on('data', read)
    client.stderr?.on('data', read)
    client.once('error', reject)
    client.once('exit', (code) => reject(new Error(`the client ended with ${code}: ${output}`)))
  })
  // Nobody may be waiting when it is ended.
  seen.catch(() => {})
  return seen
}

function withoutProxy(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))
}
