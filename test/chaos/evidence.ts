import { once } from 'node:events'
import { request } from 'node:https'
import { connect } from 'node:net'

const CONNECT_MS = 400
const ANSWER_MS = 3000

/** Whether the machine behind a URL takes connections: the kernel does that however busy the process is. */
export async function isListening(url: string): Promise<boolean> {
  const { hostname, port } = new URL(url)
  const socket = connect({ host: hostname, port: Number(port) })
  const { promise, resolve } = Promise.withResolvers<boolean>()
  socket.setTimeout(CONNECT_MS, () => resolve(false))
  socket.once('connect', () => resolve(true))
  socket.once('error', () => resolve(false))
  try {
    return await promise
  } finally {
    socket.destroy()
  }
}

/** How far the clock of a service is off, by what it says in the heads of its answers. */
export async function clockOffsetSeconds(url: string): Promise<number> {
  const answer = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(ANSWER_MS) })
  const told = Date.parse(answer.headers.get('date') ?? '')
  await answer.body?.cancel()
  return (told - Date.now()) / 1000
}

/** The code with which a seed refuses whoever shows this credential of a node (key and chain, PEM). */
export async function refusalOf(seedHost: string, node: string, credential: string): Promise<string | undefined> {
  const sent = request({
    ...{ host: seedHost, port: 7423, path: `/v1/nodes/${node}/desired-state` },
    ...{ agent: false, rejectUnauthorized: false, key: credential, cert: credential },
    signal: AbortSignal.timeout(ANSWER_MS),
  })
  sent.end()
  const [answer] = await once(sent, 'response')
  const body = (await answer.toArray()).join('')
  return (JSON.parse(body) as { error?: { code?: string } }).error?.code
}
