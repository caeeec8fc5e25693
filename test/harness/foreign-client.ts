import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

/** A BitTorrent client that nobody here wrote, downloading one torrent into a directory and then seeding it. */
export interface ForeignClient {
  readonly process: ChildProcess
  /** Resolves when the client says that it has everything. */
  downloaded(): Promise<void>
  stop(): Promise<void>
}

/** aria2 as it comes, without public discovery. */
export function startAria2(options: { torrentFile: string; directory: string; port: number }): ForeignClient {
  const { torrentFile, directory, port } = options
  return follow(
    spawn(
      'aria2c',
      [
        `--dir=${directory}`,
        `--listen-port=${port}`,
        '--enable-dht=false',
        '--bt-enable-lpd=false',
        '--enable-peer-exchange=false',
        '--seed-ratio=0.0',
        '--bt-hash-check-seed=true',
        '--summary-interval=0',
        '--console-log-level=notice',
        '--bt-tracker-interval=2',
        // aria2 says nothing when it turns to seeding; the hook prints the file's path.
        '--on-bt-download-complete=/bin/echo',
        torrentFile,
      ],
      { stdio: ['ignore', 'pipe', 'pipe'], env: withoutProxy() },
    ),
    /^[0-9a-f]{16} 1 \//m,
  )
}

/** libtorrent-rasterbar through Debian's Python binding. */
export function startLibtorrent(options: { torrentFile: string; directory: string; port: number }): ForeignClient {
  const script = fileURLToPath(new URL('libtorrent-client.py', import.meta.url))
  const { torrentFile, directory, port } = options
  return follow(
    spawn('/usr/bin/python3', [script, torrentFile, directory, String(port)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: withoutProxy(),
    }),
    /^seeding$/m,
  )
}

function follow(process: ChildProcess, marker: RegExp): ForeignClient {
  let output = ''
  const finished = new Promise<void>((resolve, reject) => {
    const read = (chunk: Buffer) => {
      output = (output + chunk.toString()).slice(-64 * 1024)
      if (marker.test(output)) resolve()
    }
    process.stdout?.on('data', read)
    process.stderr?.on('data', read)
    process.once('error', reject)
    process.once('exit', (code) => reject(new Error(`the client ended with ${code}: ${output}`)))
  })
  finished.catch(() => {})
  return {
    process,
    downloaded: () => finished,
    async stop() {
      if (process.exitCode !== null || process.signalCode !== null) return
      process.kill('SIGKILL')
      await once(process, 'exit')
    },
  }
}

function withoutProxy(): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$/i.test(name)))
}
