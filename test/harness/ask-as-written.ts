import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'

/** Asks with the path as it is written: `fetch` would take `%2e%2e` for the folder above before it is sent. */
export async function askAsWritten(
  baseUrl: string,
  path: string,
  options: { method: string; headers: Record<string, string>; body?: string },
): Promise<{ status: number; text: string }> {
  const { hostname, port } = new URL(baseUrl)
  const { method, headers, body } = options
  const sent = request({ hostname, port, path, method, headers, agent: false }).end(body)
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  const text = Buffer.concat(await answer.toArray()).toString()
  return { status: answer.statusCode ?? 0, text }
}
