import { connect } from 'node:net'
import { errorCode, errorMessage } from '@shoal/core'

export interface Reachability {
  readonly reachable: boolean
  /** What was found, for the node's operator. */
  readonly message: string
}

const ADVICE: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there; check swarm.host, swarm.port and swarm.advertiseHost of the peer',
  EHOSTUNREACH: 'there is no route; check the storage network of both machines',
  ENETUNREACH: 'there is no route; check the storage network of both machines',
  ENOTFOUND: 'the name does not resolve on the seed; advertise an address instead',
  EAI_AGAIN: 'the name does not resolve on the seed; advertise an address instead',
}

/** Connects to a node's swarm address as another node would, and says in words what came of it. Never throws. */
export function checkReachability(
  address: string,
  { timeoutMs, signal }: { timeoutMs: number; signal?: AbortSignal },
): Promise<Reachability> {
  return new Promise((resolve) => {
    const target = parseTarget(address)
    if (target === undefined) return resolve({ reachable: false, message: `"${address}" is not a host and a port.` })
    // A signal that is given to connect() keeps the socket for as long as it lives itself (Node 24), which is as long as the seed.
    const socket = connect(target)
    const finish = (reachable: boolean, message: string) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onAbort)
      socket.destroy()
      resolve({ reachable, message })
    }
    const onAbort = () => finish(false, `The seed stops before it has connected to ${address}.`)
    const timer = setTimeout(
      () =>
        finish(false, `The seed cannot connect to ${address}: no answer within ${timeoutMs} ms; check the firewall.`),
      timeoutMs,
    )
    socket.once('connect', () => finish(true, `The seed can connect to ${address}.`))
    socket.once('error', (error) => {
      const reason = ADVICE[errorCode(error) ?? ''] ?? errorMessage(error)
      finish(false, `The seed cannot connect to ${address}: ${reason}.`)
    })
    if (signal?.aborted === true) onAbort()
    else signal?.addEventListener('abort', onAbort, { once: true })
  })
}

function parseTarget(address: string): { host: string; port: number } | undefined {
  const match = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s/:]+)):([0-9]{1,5})$/.exec(address)
  const host = match?.[1] ?? match?.[2]
  const port = Number(match?.[3])
  return host === undefined || !(port >= 1 && port <= 65535) ? undefined : { host, port }
}
