import type Wire from 'bittorrent-protocol'
import type { Extension } from 'bittorrent-protocol'

export type SwarmRole = 'origin' | 'peer'

/** What one Shoal daemon tells another in the BEP 10 handshake. Claims, not proofs: they steer choices, never trust. */
export interface ShoalHello {
  readonly role: SwarmRole
  readonly node: string
}

const MAX_NODE_LENGTH = 253

/**
 * The BEP 10 extension `shoal`: says that the other side is a Shoal daemon, and which. It has no messages yet.
 * `onHello` is called once, with what the other side said.
 */
export function shoalExtension(own: ShoalHello, onHello: (hello: ShoalHello) => void): new (wire: Wire) => Extension {
  class Shoal implements Extension {
    declare readonly name: string
    #hasSaid = false

    constructor(wire: Wire) {
      wire.extendedHandshake.shoal = { role: own.role, node: own.node }
    }

    onExtendedHandshake(handshake: Record<string, unknown>): void {
      const hello = parseHello(handshake.shoal)
      if (hello === undefined || this.#hasSaid) return
      this.#hasSaid = true
      onHello(hello)
    }
  }
  // bittorrent-protocol reads the extension's name from the prototype.
  Object.defineProperty(Shoal.prototype, 'name', { value: 'shoal' })
  return Shoal
}

function parseHello(value: unknown): ShoalHello | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const { role, node } = value as Record<string, unknown>
  const text = (field: unknown) => (field instanceof Uint8Array ? Buffer.from(field).toString('utf8') : field)
  const roleText = text(role)
  const nodeText = text(node)
  if (typeof nodeText !== 'string' || nodeText.length > MAX_NODE_LENGTH) return undefined
  if (roleText !== 'origin' && roleText !== 'peer') return undefined
  return { role: roleText, node: nodeText }
}
