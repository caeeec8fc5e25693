import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const DAY_MS = 86_400_000

/** What answers as a Keystone that knows these tokens, all of them for projects of the same name. */
export async function startKeystone(projects: Readonly<Record<string, string>>) {
  const domain = { id: 'default', name: 'Default' }
  const server = createServer(async (request, response) => {
    if (request.method === 'POST') return void (await signIn(request, response, projects))
    const given = String(request.headers['x-subject-token'])
    const name = projects[given]
    if (name === undefined) return void response.writeHead(404).end()
    const project = { id: `p-${name}`, name, domain }
    const user = { id: `u-${given}`, name: given, domain }
    const expires_at = new Date(Date.now() + DAY_MS).toISOString()
    response.end(JSON.stringify({ token: { user, project, expires_at, roles: [{ name: 'member' }] } }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

/** Gives users whose password is their name and "pw" their token, which is their name. */
async function signIn(
  request: IncomingMessage,
  response: ServerResponse,
  projects: Readonly<Record<string, string>>,
): Promise<void> {
  const { auth } = JSON.parse((await request.toArray()).join('')) as {
    auth: { identity: { password: { user: { name: string; password: string } } }; scope: { project: { name: string } } }
  }
  const { name, password } = auth.identity.password.user
  if (password !== `${name}pw` || projects[name] !== auth.scope.project.name) return void response.writeHead(401).end()
  const expires_at = new Date(Date.now() + DAY_MS).toISOString()
  response.writeHead(201, { 'x-subject-token': name }).end(JSON.stringify({ token: { expires_at } }))
}
