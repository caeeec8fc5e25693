import { OPTION_REPLY } from '../protocol.ts'
import { encodeOptionReply, encodeServer } from './option-replies.ts'
import type { OptionHandler } from './session.ts'

/** `NBD_OPT_LIST`: names and descriptions of the exports. */
export const onList: OptionHandler = async (session, option, data) => {
  if (data.length > 0) return session.refuse(option, OPTION_REPLY.invalid)
  const entries = await session.deps.exports.list({ signal: session.deps.signal })
  await session.channel.send(
    entries.map((entry) => encodeOptionReply(option, OPTION_REPLY.server, encodeServer(entry))),
  )
  return session.acknowledge(option)
}
