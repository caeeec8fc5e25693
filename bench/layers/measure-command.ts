import { spawn } from 'node:child_process'
import { atExit } from '../engines/at-exit.ts'
import { processUsage, reapedCpuSeconds } from '../engines/process-usage.ts'

const SAMPLE_INTERVAL_MS = 20
/** The map of a disk in pieces is long. */
const KEPT_CHARS = 32 * 1024 ** 2

export interface CommandCost {
  readonly wallSeconds: number
  /** Of the program and of what it started and waited for, to 10 ms. */
  readonly cpuSeconds: number
  /** As it was last seen, every 20 ms. */
  readonly peakRssMiB: number
}

/**
 * Runs a program to its end and tells what it took. Only one at a time: CPU is counted as what ended children of this process have used.
 * Rejects with its last words when it fails.
 */
export async function measureCommand(argv: readonly string[]): Promise<CommandCost & { readonly stdout: string }> {
  const [command = '', ...args] = argv
  const [cpuBefore, begin] = [reapedCpuSeconds(), performance.now()]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  const forget = atExit(() => child.kill('SIGKILL'))
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => {
    stdout = `${stdout}${chunk}`.slice(-KEPT_CHARS)
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = `${stderr}${chunk}`.slice(-KEPT_CHARS)
  })
  let peakRssMiB = 0
  const sample = () => {
    peakRssMiB = Math.max(peakRssMiB, rssMiB(child.pid ?? 0))
  }
  const sampling = setInterval(sample, SAMPLE_INTERVAL_MS)
  try {
    const status = await new Promise<number | string | null>((resolve, reject) => {
      child.once('error', reject)
      child.once('close', (code, by) => resolve(code ?? by))
    })
    const wallSeconds = (performance.now() - begin) / 1000
    if (status !== 0) throw new Error(`${argv.join(' ')} failed (${status}): ${(stderr || stdout).slice(-1000).trim()}`)
    return { wallSeconds, cpuSeconds: reapedCpuSeconds() - cpuBefore, peakRssMiB, stdout }
  } finally {
    clearInterval(sampling)
    forget()
  }
}

/** 0 for a process that is about to end and has no memory left. */
function rssMiB(pid: number): number {
  try {
    return processUsage([pid]).peakRssMiB || 0
  } catch {
    return 0
  }
}
