import type { Export } from '../exports.ts'
import { INFO, OPTION, OPTION_REPLY } from '../protocol.ts'
import { parseInfoRequest } from './option-data.ts'
import { encodeInfoBlockSize, encodeInfoExport, encodeInfoText, encodeOptionReply } from './option-replies.ts'
import type { OptionHandler } from './session.ts'
import { transmissionFlags } from './transmission-flags.ts'

/** `NBD_OPT_INFO` and `NBD_OPT_GO`: what an export is, and with the latter the way into it. */
export const onInfo: OptionHandler = async (session, option, data) => {
  const request = parseInfoRequest(data)
  if (request === undefined) return session.refuse(option, OPTION_REPLY.invalid)
  const found = await session.find(request.name)
  if (found === undefined) return session.refuse(option, OPTION_REPLY.unknown)
  const infos = encodeInfos(found, session.isStructured, request.infos)
  const replies = [
    ...infos.map((info) => encodeOptionReply(option, OPTION_REPLY.info, info)),
    encodeOptionReply(option, OPTION_REPLY.ack),
  ]
  if (option === OPTION.go) return session.enter(found, replies)
  found.release()
  await session.channel.send(replies)
  return 'next'
}

/** Size, flags and block sizes are told unasked, so that a client which did not ask may still keep to them. */
function encodeInfos({ device, name, description }: Export, isStructured: boolean, asked: ReadonlySet<number>) {
  return [
    encodeInfoExport(device.sizeBytes, transmissionFlags(device, isStructured)),
    encodeInfoBlockSize(device.blockSizes),
    ...(asked.has(INFO.name) ? [encodeInfoText(INFO.name, name)] : []),
    ...(asked.has(INFO.description) ? [encodeInfoText(INFO.description, description)] : []),
  ]
}
