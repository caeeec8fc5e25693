import { OPTION_REPLY } from '../protocol.ts'
import type { OptionHandler } from './session.ts'

/** `NBD_OPT_STRUCTURED_REPLY`: replies that can tell of holes and errors. */
export const onStructuredReply: OptionHandler = async (session, option, data) => {
  if (data.length > 0) return session.refuse(option, OPTION_REPLY.invalid)
  session.isStructured = true
  return session.acknowledge(option)
}
