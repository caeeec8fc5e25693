import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)
/** debugfs says a line for each file. */
const MAX_OUTPUT_BYTES = 64 * 1024 ** 2

/** Runs a tool of the system, some of which are in directories that not every user has on the PATH. Resolves with what it says of errors. */
export async function runTool(
  command: string,
  args: readonly string[],
  { signal, env = {} }: { signal?: AbortSignal | undefined; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const options = {
    env: { ...process.env, ...env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` },
    maxBuffer: MAX_OUTPUT_BYTES,
    ...(signal === undefined ? {} : { signal }),
  }
  try {
    return (await run(command, args, options)).stderr
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ENOENT') throw error
    throw new Error(`${command} is not installed: run "sh infra/setup.sh"`, { cause: error })
  }
}
