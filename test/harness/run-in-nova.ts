import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)
const INSTALL = join(import.meta.dirname, '../../infra/nova/install-tools.sh')
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024
const INSTALL_TIMEOUT_MS = 480_000
const RUN_TIMEOUT_MS = 240_000

/** Debian's Python, which has Debian's Nova; another may come first on the path. */
const PYTHON = '/usr/bin/python3'

/** Runs Python with Nova's own code from Debian's packages, which are installed when they are missing. Rejects unless it ends with 0. */
export async function runInNova(
  argv: readonly string[],
  { cwd, env = {}, signal }: { cwd?: string; env?: Record<string, string>; signal?: AbortSignal } = {},
): Promise<{ stdout: string; stderr: string }> {
  await run('sh', [INSTALL], { timeout: INSTALL_TIMEOUT_MS, maxBuffer: MAX_OUTPUT_BYTES })
  return await run(PYTHON, [...argv], {
    cwd,
    signal,
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', PYTHONDONTWRITEBYTECODE: '1', ...env },
    timeout: RUN_TIMEOUT_MS,
    maxBuffer: MAX_OUTPUT_BYTES,
  })
}
