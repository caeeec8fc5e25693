import { errorCode, errorMessage, type ShoalError } from '@shoal/core'
import { stateError } from './errors.ts'

/** Translates what Level or the file system threw. LevelDB gives errno only as text, so the text is looked at. */
export function stateFailure(error: unknown, directory: string): ShoalError {
  const chain: unknown[] = []
  for (let link: unknown = error; link instanceof Error && chain.length < 5; link = link.cause) chain.push(link)
  const codes = chain.map(errorCode)
  const reason = errorMessage(chain.at(-1) ?? error)
  if (codes.includes('LEVEL_LOCKED')) return stateError('SHOAL_STATE_LOCKED', { directory }, error)
  if (codes.includes('ENOSPC') || codes.includes('EDQUOT') || /no space left|quota exceeded/i.test(reason)) {
    return stateError('SHOAL_STATE_NO_SPACE', { directory, reason }, error)
  }
  if (codes.includes('LEVEL_CORRUPTION') || codes.includes('LEVEL_DECODE_ERROR')) {
    return stateError('SHOAL_STATE_CORRUPT', { directory, reason }, error)
  }
  return stateError('SHOAL_STATE_IO', { directory, reason }, error)
}
