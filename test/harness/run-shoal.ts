import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const SHOAL = fileURLToPath(new URL('../../packages/cli/bin/shoal.js', import.meta.url))

/** Runs `shoal` to its end; at most 30 s. */
export async function runShoal(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const kept = Object.entries(process.env).filter(([name]) => !/^(SHOAL|OS)_|_proxy$|^NODE_TEST_CONTEXT$/i.test(name))
  const child = spawn(process.execPath, [SHOAL, ...args], {
    env: { ...Object.fromEntries(kept), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.on('data', (chunk: Buffer) => {
    output.stdout += chunk.toString()
  })
  child.stderr.on('data', (chunk: Buffer) => {
    output.stderr += chunk.toString()
  })
  await once(child, 'close')
  return { code: child.exitCode, ...output }
}
