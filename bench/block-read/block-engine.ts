import { type ChildProcess, fork, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit } from '../engines/at-exit.ts'

const PROBE_INTERVAL_MS = 20
const START_TIMEOUT_MS = 60_000

/** One disk in one file. */
export interface BlockCase {
  readonly format: 'raw' | 'qcow2'
  readonly path: string
  readonly virtualBytes: number
}

/** A server that stays for all rounds. */
export interface ServedDisk extends AsyncDisposable {
  readonly pid: number
  readonly socket: string
  readonly export: string
}

export interface BlockEngine {
  readonly name: string
  /** `undefined` when it does not know the format. */
  serve(disk: BlockCase, directory: string): Promise<ServedDisk | undefined>
}

export const shoal: BlockEngine = {
  name: 'shoal',
  async serve({ path, format, virtualBytes }, directory) {
    const program = join(import.meta.dirname, 'serve-blocks.ts')
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
    const child = fork(program, [directory, path, format, String(virtualBytes)], { stdio: [...stdio] })
    const disk = keep(child, { socket: join(directory, 'disk.sock'), export: 'disk' })
    try {
      await Promise.race([once(child, 'message'), ended(child, 'the block service')])
    } catch (error) {
      await disk[Symbol.asyncDispose]()
      throw error
    }
    return disk
  },
}

export const qemuNbd: BlockEngine = {
  name: 'qemu-nbd',
  serve: ({ path, format }, directory) => {
    const socket = join(directory, 'qemu-nbd.sock')
    return served(
      'qemu-nbd',
      ['--read-only', '--persistent', '--shared=0', '-f', format, '--socket', socket, path],
      socket,
    )
  },
}

export const nbdkit: BlockEngine = {
  name: 'nbdkit',
  serve: async ({ path, format }, directory) => {
    const socket = join(directory, 'nbdkit.sock')
    return format === 'raw' ? served('nbdkit', ['-f', '-r', '-U', socket, 'file', path], socket) : undefined
  },
}

async function served(command: string, args: readonly string[], socket: string): Promise<ServedDisk> {
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'ignore'] })
  const disk = keep(child, { socket, export: '' })
  try {
    await Promise.race([isThere(socket), ended(child, command)])
  } catch (error) {
    await disk[Symbol.asyncDispose]()
    throw error
  }
  return disk
}

function keep(child: ChildProcess, disk: { socket: string; export: string }): ServedDisk {
  const forget = atExit(() => child.kill('SIGKILL'))
  const exit = once(child, 'exit').catch(() => {})
  const close = async () => {
    child.kill('SIGKILL')
    await exit
    forget()
  }
  return { pid: child.pid ?? 0, ...disk, [Symbol.asyncDispose]: close }
}

async function ended(child: ChildProcess, what: string): Promise<never> {
  await once(child, 'exit')
  throw new Error(`${what} ended at its start`)
}

async function isThere(path: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  while (performance.now() < deadline) {
    const isSocket = await stat(path).then(
      (found) => found.isSocket(),
      () => false,
    )
    if (isSocket) return
    await sleep(PROBE_INTERVAL_MS)
  }
  throw new Error(`nobody listens on ${path}`)
}
