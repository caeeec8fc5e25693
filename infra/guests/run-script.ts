import { spawn } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

const LAST_WORDS_CHARS = 3000

/**
 * Runs a shell script of this directory and passes on what it prints. Rejects when it fails, with its last words and those of the log
 * that it keeps. A signal ends it with all that it started and mounted, and rejects when that is done.
 */
export async function runScript(
  name: string,
  args: readonly string[],
  options: { say: (line: string) => void; log?: string; signal?: AbortSignal | undefined },
): Promise<void> {
  const { say, log, signal } = options
  signal?.throwIfAborted()
  const child = spawn('sh', [join(import.meta.dirname, name), ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
  // SIGTERM would be held back by unshare(1).
  const end = () => child.kill('SIGKILL')
  signal?.addEventListener('abort', end)
  process.once('exit', end)
  let errors = ''
  child.stderr.on('data', (chunk: Buffer) => {
    errors = `${errors}${chunk}`.slice(-LAST_WORDS_CHARS)
  })
  createInterface({ input: child.stdout }).on('line', say)
  const status = await new Promise<number | string | null>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code, by) => resolve(code ?? by))
  }).finally(() => {
    signal?.removeEventListener('abort', end)
    process.off('exit', end)
  })
  signal?.throwIfAborted()
  if (status === 0) return
  const logged = log === undefined ? '' : await readFile(log, 'utf8').catch(() => '')
  const words = `${logged}\n${errors}`.trim().slice(-LAST_WORDS_CHARS)
  throw new Error(`${name} failed (${status}); its last words:\n${words}`)
}
