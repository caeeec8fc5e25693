import { type BencodeBounds, decodeDictionary } from './bounded-bencode.ts'

/** The longest that a node of ours sends is an answer with {@link MAX_DHT_PEERS} peers and 20 nodes. */
const DATAGRAM_BOUNDS: BencodeBounds = { maxBytes: 2048, maxDepth: 4, maxValues: 256 }
/** Peers in one answer: more of them are a datagram that is cut into several, and a lever for who asks in another's name. */
export const MAX_DHT_PEERS = 50
const ID_BYTES = 20
const NODE_BYTES = ID_BYTES + 6
const PEER_BYTES = 6
const MAX_NODES = 32
const MAX_TOKEN_BYTES = 64
const MAX_TRANSACTION_BYTES = 16
const MAX_PORT = 65_535

/**
 * Whether a datagram is one that the DHT library deals with (BEP 5): it takes fields of any type and throws out of the socket's handler at
 * those it did not expect. What BEP 44 adds, to keep values for others, is not part of a cluster's DHT and refused.
 */
export function isDhtDatagram(bytes: Uint8Array): boolean {
  const message = decodeDictionary(bytes, DATAGRAM_BOUNDS)
  if (message === undefined || !isBytes(message.t, 1, MAX_TRANSACTION_BYTES)) return false
  switch (text(message.y)) {
    case 'q':
      return isQuery(text(message.q), message.a)
    case 'r':
      return isResponse(message.r)
    case 'e':
      return isError(message.e)
    default:
      return false
  }
}

function isQuery(name: string | undefined, given: unknown): boolean {
  if (!isDictionary(given) || !isId(given.id)) return false
  switch (name) {
    case 'ping':
      return true
    case 'find_node':
      return isId(given.target)
    case 'get_peers':
      return isId(given.info_hash)
    case 'announce_peer':
      return isId(given.info_hash) && isToken(given.token) && isPort(given.port) && isFlag(given.implied_port)
    default:
      return false
  }
}

function isResponse(given: unknown): boolean {
  if (!isDictionary(given) || !isId(given.id)) return false
  const { nodes, token, values } = given
  if (nodes !== undefined && !(isBytes(nodes, 0, MAX_NODES * NODE_BYTES) && nodes.length % NODE_BYTES === 0))
    return false
  if (token !== undefined && !isToken(token)) return false
  return (
    values === undefined || (Array.isArray(values) && values.every((peer) => isBytes(peer, PEER_BYTES, PEER_BYTES)))
  )
}

function isError(given: unknown): boolean {
  return Array.isArray(given) && given.every((part) => typeof part === 'number' || part instanceof Uint8Array)
}

function isDictionary(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array)
}

function isBytes(value: unknown, min: number, max: number): value is Uint8Array {
  return value instanceof Uint8Array && value.length >= min && value.length <= max
}

function isId(value: unknown): boolean {
  return isBytes(value, ID_BYTES, ID_BYTES)
}

function isToken(value: unknown): boolean {
  return isBytes(value, 1, MAX_TOKEN_BYTES)
}

function isPort(value: unknown): boolean {
  return typeof value === 'number' && value >= 0 && value <= MAX_PORT
}

function isFlag(value: unknown): boolean {
  return value === undefined || value === 0 || value === 1
}

function text(value: unknown): string | undefined {
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : undefined
}
