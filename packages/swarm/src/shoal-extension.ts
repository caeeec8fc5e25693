import type Wire from 'bittorrent-protocol'
import type { Extension } from 'bittorrent-protocol'

export type SwarmRole = 'origin' | 'peer'

/** Where a daemon says it is; empty when the operator did not say. */
export interface SwarmPlace {
  readonly zone: string
  readonly rack: string
}

/**
 * What one Shoal daemon tells another in the BEP 10 handshake. Claims, not proofs: they steer choices, never trust; but for name and role
 * where daemons have credentials, which have to be those of the certificate.
 */
export interface ShoalHello extends SwarmPlace {
  readonly role: SwarmRole
  readonly node: string
  /** Where it takes connections, and what the other side has to present to open a lane there. */
  readonly lane: { readonly port: number; readonly token: Buffer } | undefined
}

const MAX_NAME_LENGTH = 253
/** Where nobody has credentials, and where daemons have: it is a key then. */
const TOKEN_BYTES: readonly number[] = [16, 32]

/**
 * The BEP 10 extension `shoal`: says that the other side is a Shoal daemon, which, where, and how to open a lane to it; its messages
 * are grants. `onHello` is called once, with what the other side said; `undefined` when it turns out to be no Shoal daemon.
 */
export function shoalExtension(
  own: ShoalHello,
  onHello: (hello: ShoalHello | undefined) => void,
  onGrant: (grant: Uint8Array) => void,
): new (
  wire: Wire,
) => Extension {
  class Shoal implements Extension {
    declare readonly name: string
    #hasSaid = false

    constructor(wire: Wire) {
      const { role, node, zone, rack, lane } = own
      wire.extendedHandshake.shoal = { role, node, zone, rack, ...(lane === undefined ? {} : lane) }
    }

    onExtendedHandshake(handshake: Record<string, unknown>): void {
      if (this.#hasSaid) return
      this.#hasSaid = true
      onHello(parseHello(handshake.shoal))
    }

    onMessage(message: Uint8Array): void {
      onGrant(message)
    }
  }
  // bittorrent-protocol reads the extension's name from the prototype.
  Object.defineProperty(Shoal.prototype, 'name', { value: 'shoal' })
  return Shoal
}

/** Whether two daemons are behind the same rack's uplink; `undefined` when one does not say where it is. */
export function isSameRack(one: SwarmPlace, other: SwarmPlace): boolean | undefined {
  if (one.rack === '' || other.rack === '') return undefined
  return one.rack === other.rack && one.zone === other.zone
}

function parseHello(value: unknown): ShoalHello | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { role, node, zone, rack, port, token } = value as Record<string, unknown>
  const roleText = parseName(role)
  const nodeText = parseName(node)
  if (nodeText === undefined || (roleText !== 'origin' && roleText !== 'peer')) return undefined
  const isLane = typeof port === 'number' && port >= 1 && port <= 65535 && Number.isInteger(port)
  const lane = isLane && token instanceof Uint8Array && TOKEN_BYTES.includes(token.length)
  return {
    role: roleText,
    node: nodeText,
    zone: parseName(zone) ?? '',
    rack: parseName(rack) ?? '',
    lane: lane ? { port, token: Buffer.from(token) } : undefined,
  }
}

/** bencode gives text as bytes. */
function parseName(value: unknown): string | undefined {
  const text = value instanceof Uint8Array ? Buffer.from(value).toString('utf8') : value
  return typeof text === 'string' && text.length <= MAX_NAME_LENGTH ? text : undefined
}
