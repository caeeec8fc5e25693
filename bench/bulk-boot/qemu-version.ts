import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** As QEMU says it. */
export async function qemuVersion(): Promise<string> {
  const { stdout } = await run('qemu-system-x86_64', ['--version'])
  return stdout.split('\n')[0] ?? ''
}
