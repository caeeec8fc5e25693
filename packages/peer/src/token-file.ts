import { readFile } from 'node:fs/promises'
import { errorMessage } from '@shoal/core'
import { peerError } from './errors.ts'

const MAX_LENGTH = 1000

/** Reads the token that another service has made. Throws `SHOAL_PEER_TOKEN_FILE`. */
export async function readTokenFile(path: string): Promise<string> {
  let text: string
  try {
    text = (await readFile(path, 'utf8')).trim()
  } catch (error) {
    throw peerError('SHOAL_PEER_TOKEN_FILE', { path, reason: errorMessage(error) }, error)
  }
  if (text === '' || text.length > MAX_LENGTH || /\s/.test(text)) {
    throw peerError('SHOAL_PEER_TOKEN_FILE', {
      path,
      reason: `it does not hold one word of 1 to ${MAX_LENGTH} characters`,
    })
  }
  return text
}
