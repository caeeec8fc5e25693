import type { ClientRequest } from 'node:http'
import type { Readable } from 'node:stream'

/** A server that has said neither yes nor no by then may not know the question (RFC 9110, 10.1.1). */
const CONTINUE_MS = 1000

/**
 * Sends a body as it comes. With `asks` the server is given the time to refuse it first: one that refuses in the
 * middle closes its connection, and what it said is lost with that when we are just writing.
 */
export function sendBody(outgoing: ClientRequest, body: Readable, { asks }: { asks: boolean }): void {
  // A client that goes away in the middle must not look like one that has sent everything.
  body.once('error', (error) => outgoing.destroy(error))
  body.once('close', () => outgoing.writableEnded || outgoing.destroy())
  if (!asks) {
    body.pipe(outgoing)
    return
  }
  let isSettled = false
  const settle = (isWanted: boolean) => {
    clearTimeout(late)
    if (!isSettled && isWanted) body.pipe(outgoing)
    isSettled = true
  }
  const late = setTimeout(() => settle(true), CONTINUE_MS)
  outgoing.once('continue', () => settle(true))
  outgoing.once('response', () => settle(false))
  outgoing.once('close', () => settle(false))
  outgoing.flushHeaders()
}
