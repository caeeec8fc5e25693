import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { OpenStack } from '../../infra/openstack/openstack.ts'

const SCRIPT = fileURLToPath(new URL('nova_download.py', import.meta.url))
/** Debian's Python, which has Debian's Nova. */
const PYTHON = '/usr/bin/python3'

/** Somebody in whose name Nova acts. */
export interface NovaUser {
  readonly token: string
  readonly user_id: string
  readonly project_id: string
  readonly roles: readonly string[]
}

export type NovaJob = { readonly user: NovaUser; readonly name: string } & (
  | { readonly do: 'fetch' | 'fetch_to_raw'; readonly image: string }
  | { readonly do: 'snapshot'; readonly file: string; readonly format: string }
)

export interface NovaResult {
  /** Name of the exception. */
  readonly error?: string
  /** Whether it left a file behind. */
  readonly left?: boolean
  readonly size?: number
  readonly sha512?: string
  readonly image?: string
  readonly status?: string
}

/** Why Nova's own code cannot be run here; false when it can. */
export function lackOfNova(): string | false {
  return existsSync('/usr/lib/python3/dist-packages/nova/virt/images.py')
    ? false
    : 'Nova is not installed (python3-nova)'
}

/** Has Nova's own code do these jobs, one after the other, with the given endpoint for Glance. */
export async function runNova(endpoint: string, directory: string, jobs: readonly NovaJob[]): Promise<NovaResult[]> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/_proxy$|^PYTHON|^OS_/i.test(name)))
  const child = spawn(PYTHON, [SCRIPT], { env: { ...env, PATH: '/usr/bin:/bin' } })
  const [output, complaints] = [textOf(child.stdout), textOf(child.stderr)]
  child.stdin.end(JSON.stringify({ endpoint, directory, jobs }))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  if (code !== 0) throw new Error(`Nova's code ended with ${code}: ${(await complaints).slice(-2000)}`)
  return JSON.parse(await output)
}

/** What a token says of whom it was given to. */
export async function novaUser(openstack: OpenStack, user: string): Promise<NovaUser> {
  const token = await openstack.token(user)
  const headers = { 'x-auth-token': token, 'x-subject-token': token }
  const answer = await fetch(`${openstack.keystoneUrl}/auth/tokens`, { headers })
  const said = (await answer.json()) as {
    token: { user: { id: string }; project: { id: string }; roles: { name: string }[] }
  }
  const roles = said.token.roles.map(({ name }) => name)
  return { token, user_id: said.token.user.id, project_id: said.token.project.id, roles }
}

async function textOf(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
