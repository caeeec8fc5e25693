import { nbdError } from '../errors.ts'
import { OPTION_REPLY } from '../protocol.ts'
import { OptionChannel } from './option-channel.ts'
import type { OptionHandler } from './session.ts'
import { startTls } from './start-tls.ts'

/** `NBD_OPT_STARTTLS`. Nothing was agreed on before it: all other options are refused until then. */
export const onStartTls: OptionHandler = async (session, option, data) => {
  if (data.length > 0 || session.isEncrypted) return session.refuse(option, OPTION_REPLY.invalid)
  const { tls } = session.deps
  if (tls === undefined) return session.refuse(option, OPTION_REPLY.policy)
  const { channel } = session
  // What is here already was not encrypted, and somebody else may have put it in.
  if (channel.stop().length > 0) throw nbdError('SHOAL_NBD_PROTOCOL', { reason: 'it did not wait for TLS' })
  await channel.reply(option, OPTION_REPLY.ack)
  session.channel = new OptionChannel(await startTls(channel.socket, tls))
  session.isEncrypted = true
  return 'next'
}
