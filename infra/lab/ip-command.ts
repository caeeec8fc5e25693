import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/** Runs iproute2's `ip` or `tc` and gives what it prints. The error says which command failed and what it said. */
export async function ipCommand(argv: readonly string[], { signal }: { signal?: AbortSignal } = {}): Promise<string> {
  const [command = '', ...args] = argv
  try {
    return (await run(command, args, { encoding: 'utf8', ...(signal === undefined ? {} : { signal }) })).stdout
  } catch (error) {
    const said = (error as { stderr?: string }).stderr?.trim()
    throw new Error(`"${argv.join(' ')}" failed: ${said || String(error)}`, { cause: error })
  }
}

/** As `ipCommand`, for lines of text whose words hold no spaces. */
export async function ipCommands(lines: readonly string[], options: { signal?: AbortSignal } = {}): Promise<void> {
  for (const line of lines) await ipCommand(line.split(' '), options)
}
