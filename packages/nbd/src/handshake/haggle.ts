import type { Socket } from 'node:net'
import { OPTION, OPTION_REPLY } from '../protocol.ts'
import { onExportName } from './on-export-name.ts'
import { onInfo } from './on-info.ts'
import { onList } from './on-list.ts'
import { onMetaContext } from './on-meta-context.ts'
import { onStartTls } from './on-start-tls.ts'
import { onStructuredReply } from './on-structured-reply.ts'
import { OptionChannel, type OptionRequest } from './option-channel.ts'
import { type HandshakeDeps, type Negotiated, type OptionHandler, type Outcome, Session } from './session.ts'

const HANDLERS: ReadonlyMap<number, OptionHandler> = new Map([
  [OPTION.exportName, onExportName],
  [OPTION.list, onList],
  [OPTION.startTls, onStartTls],
  [OPTION.info, onInfo],
  [OPTION.go, onInfo],
  [OPTION.structuredReply, onStructuredReply],
  [OPTION.listMetaContext, onMetaContext],
  [OPTION.setMetaContext, onMetaContext],
])

/**
 * The fixed newstyle handshake on a socket. Undefined when the two have parted; fails with `SHOAL_NBD_*` when the client does not keep
 * to the protocol, or leaves.
 */
export async function haggle(deps: HandshakeDeps, socket: Socket): Promise<Negotiated | undefined> {
  const channel = new OptionChannel(socket)
  const { isFixed, isPadded } = await channel.greet()
  const session = new Session(deps, channel, { isPadded })
  for (;;) {
    const request = await session.channel.readOption()
    // Without the fixed handshake there are no replies that say no.
    if (!isFixed && request.option !== OPTION.exportName) return undefined
    const outcome = await onOption(session, request)
    if (outcome === 'leave') return undefined
    if (outcome !== 'next') return outcome
  }
}

async function onOption(session: Session, { option, data }: OptionRequest): Promise<Outcome> {
  if (option === OPTION.abort) {
    await session.acknowledge(option)
    return 'leave'
  }
  const refusal = refusalOf(session, option, data)
  if (refusal !== undefined) return session.refuse(option, refusal)
  const handler = HANDLERS.get(option)
  if (handler === undefined || data === undefined) return session.refuse(option, OPTION_REPLY.unsupported)
  return handler(session, option, data)
}

function refusalOf({ deps, isEncrypted }: Session, option: number, data: Buffer | undefined): number | undefined {
  if (deps.isClosing()) return OPTION_REPLY.shutdown
  if (deps.tls !== undefined && !isEncrypted && option !== OPTION.startTls) return OPTION_REPLY.tlsRequired
  return data === undefined && HANDLERS.has(option) ? OPTION_REPLY.tooBig : undefined
}
