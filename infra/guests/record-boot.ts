import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BootProfile, BootRead } from '@shoal/qcow2'
import { bootToMarker } from './boot-to-marker.ts'
import { runScript } from './run-script.ts'

/** A line of nbdkit's log filter: `2026-11-21 19:40:01.123456 connection=1 Read id=5 offset=0x10000 count=0x1000 ...`. */
const READ = /^(\S+ \S+) .*\bRead id=\d+ offset=0x([0-9a-f]+) count=0x([0-9a-f]+)/
const SOCKET_ATTEMPTS = 100
const SOCKET_INTERVAL_MS = 50

export interface RecordOptions {
  /** The disk, raw. It is started by its own boot loader, and is not written to. */
  readonly raw: string
  readonly virtualSizeBytes: number
  /** Digest of the layer, or id of the image, that it is. */
  readonly recordedOn: string
  readonly timeoutMs: number
  readonly say: (line: string) => void
  readonly signal?: AbortSignal | undefined
}

/** Starts a guest on a disk that is served by nbdkit, and gives what it has read until it was up. */
export async function recordBoot(options: RecordOptions): Promise<BootProfile> {
  const { raw, virtualSizeBytes, recordedOn, timeoutMs, say, signal } = options
  await runScript('install-tools.sh', ['--record'], { say, signal })
  const directory = await mkdtemp(join(tmpdir(), 'shoal-record-'))
  const [socket, log] = [join(directory, 'nbd'), join(directory, 'log')]
  const args = ['-f', '-r', '-U', socket, '--filter=log', 'file', raw, `logfile=${log}`]
  const server = spawn('nbdkit', args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const end = () => server.kill('SIGKILL')
  process.once('exit', end)
  try {
    await listens(server, socket)
    await bootToMarker({ disks: [{ file: `nbd:unix:${socket}`, format: 'raw' }], timeoutMs, say, signal })
    return { recordedOn, virtualSizeBytes, reads: readsIn(await readFile(log, 'utf8'), virtualSizeBytes) }
  } finally {
    process.off('exit', end)
    end()
    if (server.exitCode === null && server.signalCode === null) await once(server, 'exit')
    await rm(directory, { recursive: true, force: true })
  }
}

async function listens(server: ChildProcess, socket: string): Promise<void> {
  for (let attempt = 0; attempt < SOCKET_ATTEMPTS; attempt += 1) {
    if (server.exitCode !== null) throw new Error(`nbdkit ended with ${server.exitCode}`)
    const isThere = await access(socket).then(
      () => true,
      () => false,
    )
    if (isThere) return
    await sleep(SOCKET_INTERVAL_MS)
  }
  throw new Error('nbdkit does not listen')
}

function readsIn(log: string, virtualSizeBytes: number): BootRead[] {
  let begin: number | undefined
  let last = 0
  return log.split('\n').flatMap((line) => {
    const [, at, offset = '', count = ''] = READ.exec(line) ?? []
    if (at === undefined) return []
    const now = Date.parse(`${at.slice(0, 23).replace(' ', 'T')}Z`)
    begin ??= now
    // A clock may be set; a profile's lines are in order.
    last = Math.max(last, now - begin)
    const start = Number.parseInt(offset, 16)
    const length = Math.min(Number.parseInt(count, 16), virtualSizeBytes - start)
    return length > 0 ? [{ offset: start, length, milliseconds: last }] : []
  })
}
