import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type Client, createClient } from '@shoal/api'

/** A peer daemon in a process of its own. */
export interface PeerProcess extends AsyncDisposable {
  readonly child: ChildProcess
  readonly client: Client
  /** Sends a signal and waits for the end; resolves with the exit code, `null` when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** Starts a daemon and waits until it serves. `wrap` is a command to run it under. */
export async function startPeerProcess(
  directory: string,
  settings: Record<string, unknown>,
  options: { wrap?: readonly string[] } = {},
): Promise<PeerProcess> {
  const file = join(directory, 'peer.json')
  await writeFile(file, JSON.stringify(nested(settings)))
  const [command = '', ...args] = [
    ...(options.wrap ?? []),
    process.execPath,
    join(import.meta.dirname, 'serve-child.ts'),
    file,
  ]
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit') as Promise<[number | null]>
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    const [code] = await exited
    return code
  }
  const api = await Promise.race([servingUrl(child), exited.then(() => undefined)])
  if (api === undefined) throw new Error(`the daemon ended with ${child.exitCode}`)
  const token = (await readFile(join(String(settings.stateDirectory), 'api-token'), 'utf8')).trim()
  return {
    child,
    client: createClient({ baseUrl: api, token }),
    end,
    [Symbol.asyncDispose]: async () => {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL')
    },
  }
}

async function servingUrl(child: ChildProcess): Promise<string | undefined> {
  const { stdout } = child
  if (stdout === null) return undefined
  const lines = createInterface({ input: stdout })
  for await (const line of lines) {
    const entry = JSON.parse(line) as { msg?: string; api?: string }
    if (entry.msg !== 'serving') continue
    // Nobody reads the rest of the log; a full pipe would stop the daemon.
    stdout.resume()
    return entry.api
  }
  return undefined
}

function nested(settings: Record<string, unknown>): Record<string, unknown> {
  const root: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(settings)) {
    const [group = '', name] = key.split('.')
    if (name === undefined) root[group] = value
    else root[group] = { ...(root[group] as object | undefined), [name]: value }
  }
  return root
}
