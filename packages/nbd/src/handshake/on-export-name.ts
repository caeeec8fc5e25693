import { parseName } from './option-data.ts'
import { encodeExportName } from './option-replies.ts'
import type { OptionHandler } from './session.ts'
import { transmissionFlags } from './transmission-flags.ts'

/** `NBD_OPT_EXPORT_NAME`: the oldest way into an export. */
export const onExportName: OptionHandler = async (session, _option, data) => {
  const name = parseName(data)
  const found = name === undefined ? undefined : await session.find(name)
  if (found === undefined) return 'leave'
  const flags = transmissionFlags(found.device, session.isStructured)
  return session.enter(found, [encodeExportName(found.device.sizeBytes, flags, { isPadded: session.isPadded })])
}
