import { Writable } from 'node:stream'
import { EXIT } from '../src/exit-code.ts'
import { main } from '../src/main.ts'

class Capture extends Writable {
  text = ''

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString()
    done()
  }
}

export interface CliOptions {
  env?: NodeJS.ProcessEnv
  cwd?: string
  signal?: AbortSignal
  /** What is piped in. */
  stdin?: AsyncIterable<string>
}

/** Runs one command line inside this process, with surroundings of its own. */
export async function runCli(argv: readonly string[], options: CliOptions = {}) {
  const stdout = new Capture()
  const stderr = new Capture()
  const { env = {}, cwd = '/', signal = new AbortController().signal } = options
  const stdin = options.stdin === undefined ? {} : { stdin: options.stdin }
  const terminal = { env, cwd, stdout, stderr, ...stdin, isInteractive: false, columns: 100 }
  const interruption = { signal, exitCode: EXIT.interrupted, listen: () => {} }
  const code = await main(argv, { terminal, interruption })
  return { code, stdout: stdout.text, stderr: stderr.text }
}
