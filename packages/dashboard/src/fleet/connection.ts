import type { DashboardFrame } from '@shoal/api'
import { STREAM_PATH } from '../api/operation-paths.ts'

export type ConnectionState = 'connecting' | 'live' | 'broken'

export interface ConnectionDeps {
  readonly onFrame: (frame: DashboardFrame) => void
  readonly onState: (state: ConnectionState) => void
  /** The stream was refused: perhaps the session is over. */
  readonly onRefused: () => void
}

/** A message comes every second; after so long without one the connection counts as broken. */
const SILENCE_MS = 5000
const LOOK_MS = 1000
const RETRY_MS = 1500
/** A page that nobody sees for so long reads no further: browsers open few connections to one host. */
const HIDDEN_MS = 30_000

/**
 * Reads the one stream of the page. A browser connects again by itself, with the number of the last message, unless the answer was an
 * error or a machine on the way died without a word: both are handled here. Returns what ends it.
 */
export function connect(deps: ConnectionDeps): () => void {
  let source: EventSource | undefined
  let heardAt = Date.now()
  let retry: ReturnType<typeof setTimeout> | undefined
  const open = () => {
    source?.close()
    heardAt = Date.now()
    const stream = new EventSource(STREAM_PATH)
    source = stream
    stream.addEventListener('frame', ({ data }: MessageEvent<string>) => {
      heardAt = Date.now()
      deps.onState('live')
      deps.onFrame(JSON.parse(data) as DashboardFrame)
    })
    stream.addEventListener('error', () => {
      deps.onState('broken')
      if (stream.readyState !== EventSource.CLOSED) return
      deps.onRefused()
      clearTimeout(retry)
      retry = setTimeout(open, RETRY_MS)
    })
  }
  let hidden: ReturnType<typeof setTimeout> | undefined
  let isResting = false
  const rest = () => {
    isResting = true
    clearTimeout(retry)
    source?.close()
  }
  const onVisibility = () => {
    clearTimeout(hidden)
    if (document.hidden) hidden = setTimeout(rest, HIDDEN_MS)
    else if (isResting) {
      isResting = false
      deps.onState('connecting')
      open()
    }
  }
  document.addEventListener('visibilitychange', onVisibility)
  const look = setInterval(() => {
    if (isResting || Date.now() - heardAt < SILENCE_MS) return
    deps.onState('broken')
    open()
  }, LOOK_MS)
  open()
  return () => {
    document.removeEventListener('visibilitychange', onVisibility)
    clearTimeout(hidden)
    clearInterval(look)
    clearTimeout(retry)
    source?.close()
  }
}
