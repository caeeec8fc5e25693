import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { atExit } from '../engines/at-exit.ts'
import { processUsage } from '../engines/process-usage.ts'
import { measureCommand } from '../layers/measure-command.ts'
import type { ReadCase } from './read-case.ts'
import type { ReadCost, ReadEngine } from './read-engine.ts'
import type { ReadPattern } from './read-pattern.ts'

const PROBE_INTERVAL_MS = 10
const START_TIMEOUT_MS = 5000

/** QEMU's own reader in the process that reads: `qemu-img bench` on the image. What QEMU can do without a socket between. */
export const qemuImg: ReadEngine = {
  name: 'qemu-img',
  open: async ({ images: [top] }) => ({
    read: (pattern) => benchReads(pattern, `file.driver=qcow2,file.file.driver=file,file.file.filename=${top}`),
    [Symbol.asyncDispose]: async () => {},
  }),
}

/** `qemu-img convert` of the disk to nowhere. It asks first what is data, and skips holes. */
export const qemuConvert: ReadEngine = {
  name: 'qemu-convert',
  open: async ({ images: [top] }) => ({
    read: async ({ name, length }) => {
      if (name !== 'whole') return undefined
      const source = `driver=qcow2,file.driver=file,file.filename=${top}`
      const options = ['--image-opts', '--target-image-opts', '-n', '--target-is-zero']
      return measureCommand(['qemu-img', 'convert', ...options, source, `driver=null-co,size=${length}`])
    },
    [Symbol.asyncDispose]: async () => {},
  }),
}

/** A `qemu-nbd` of this image that stays for all rounds, read by `qemu-img bench` over a Unix socket. CPU and memory are the server's. */
export const qemuNbd: ReadEngine = {
  name: 'qemu-nbd',
  async open({ images: [top] }: ReadCase) {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-nbd-'))
    const socket = join(directory, 'socket')
    const args = ['--read-only', '--persistent', '--shared=0', '-f', 'qcow2', '--socket', socket, top]
    const child = spawn('qemu-nbd', args, { stdio: ['ignore', 'ignore', 'pipe'] })
    // It complains of every connection that only looks whether it is there; what it said last tells why it ended.
    let said = ''
    child.stderr.on('data', (chunk: Buffer) => {
      said = String(chunk)
    })
    const forget = atExit(() => child.kill('SIGKILL'))
    const exit = once(child, 'exit')
    const close = async () => {
      child.kill('SIGKILL')
      await exit
      await rm(directory, { recursive: true, force: true })
      forget()
    }
    try {
      await Promise.race([answers(socket), exit.then(() => Promise.reject(new Error(`qemu-nbd ended: ${said}`)))])
    } catch (error) {
      await close()
      throw error
    }
    const pid = child.pid ?? 0
    return {
      async read(pattern) {
        const before = processUsage([pid]).cpuSeconds
        const client = await benchReads(pattern, `file.driver=nbd,file.server.type=unix,file.server.path=${socket}`)
        const { cpuSeconds, peakRssMiB } = processUsage([pid])
        const { wallSeconds, cpuSeconds: clientCpuSeconds } = client
        return { wallSeconds, cpuSeconds: cpuSeconds - before, peakRssMiB, clientCpuSeconds }
      },
      [Symbol.asyncDispose]: close,
    }
  },
}

async function benchReads(pattern: ReadPattern, file: string): Promise<ReadCost> {
  const { offset, length, requestBytes, strideBytes, depth, passes } = pattern
  const reads = [
    '-c',
    `${passes * (length / requestBytes)}`,
    '-d',
    `${depth}`,
    '-s',
    `${requestBytes}`,
    '-S',
    `${strideBytes}`,
  ]
  // A window of the disk: QEMU's strides begin anew at the end of what it takes for the disk.
  const window = `driver=raw,offset=${offset},size=${length},${file}`
  const { stdout, cpuSeconds, peakRssMiB } = await measureCommand([
    'qemu-img',
    'bench',
    ...reads,
    '--image-opts',
    window,
  ])
  const seconds = Number(/^Run completed in ([\d.]+) seconds/m.exec(stdout)?.[1])
  if (!Number.isFinite(seconds)) throw new Error(`qemu-img bench said: ${stdout}`)
  return { wallSeconds: seconds, cpuSeconds, peakRssMiB }
}

async function answers(socket: string): Promise<void> {
  const deadline = performance.now() + START_TIMEOUT_MS
  for (;;) {
    const connection = connect(socket)
    const isUp = await once(connection, 'connect').then(
      () => true,
      () => false,
    )
    connection.destroy()
    if (isUp) return
    if (performance.now() > deadline) throw new Error('qemu-nbd does not listen')
    await sleep(PROBE_INTERVAL_MS)
  }
}
