import { ALLOCATION_ID, OPTION, OPTION_REPLY } from '../protocol.ts'
import { parseMetaContextRequest } from './option-data.ts'
import { encodeMetaContext } from './option-replies.ts'
import type { OptionHandler } from './session.ts'

/** The one metadata context there is, and the wildcard that lists it. */
const ALLOCATION = 'base:allocation'
const ALL = 'base:'

/** `NBD_OPT_LIST_META_CONTEXT` and `NBD_OPT_SET_META_CONTEXT`; of the latter the last one counts, also when it failed. */
export const onMetaContext: OptionHandler = async (session, option, data) => {
  const isSet = option === OPTION.setMetaContext
  if (isSet) session.allocationOf = undefined
  const request = parseMetaContextRequest(data)
  if (request === undefined || !session.isStructured) return session.refuse(option, OPTION_REPLY.invalid)
  const found = await session.find(request.name)
  if (found === undefined) return session.refuse(option, OPTION_REPLY.unknown)
  found.release()
  if (isAsked(request.queries, { isSet })) {
    if (isSet) session.allocationOf = found.name
    const id = isSet ? ALLOCATION_ID : 0
    await session.channel.reply(option, OPTION_REPLY.metaContext, encodeMetaContext(id, ALLOCATION))
  }
  return session.acknowledge(option)
}

/** Queries of other namespaces, and of other names in this one, select nothing. */
function isAsked(queries: readonly string[], { isSet }: { isSet: boolean }): boolean {
  const isAll = !isSet && (queries.length === 0 || queries.includes(ALL))
  return isAll || queries.includes(ALLOCATION)
}
