import { ipCommand } from '../../infra/lab/ip-command.ts'
import type { Lab } from '../../infra/lab/lab.ts'
import { type Count, worstWindowError } from '../limits/window-error.ts'

const EVERY_MS = 100
/** What the seed asks about images is less; an image's bytes are more. */
const QUESTIONS_BYTES = 256 * 1024
/** What comes after an image's last bytes is not held back by the limit. */
const LOOKED_AT_SHARE = 0.98

/** What the library's link sent. */
export interface Ingest {
  /** Payload over the image's size, all requests counted. */
  readonly copies: number
  /** Of any window while the image was read, from its first bytes on: by how much more, and less, than the limit; shares of it. */
  readonly over: number
  readonly under: number
}

/** Counts until the library has sent one image. */
export interface IngestWatch extends AsyncDisposable {
  /** Throws when it took less than one window. */
  result(limitBytesPerSecond: number, windowSeconds: number): Promise<Ingest>
}

/** `goodput` is the share of the link's bytes that is payload. */
export async function watchIngest(lab: Lab, options: { goodput: number; sizeBytes: number }): Promise<IngestWatch> {
  const { goodput, sizeBytes } = options
  const first = await sentBytes(lab)
  const counts: Count[] = []
  let reading = Promise.resolve()
  const timer = setInterval(() => {
    reading = reading.then(async () => {
      if ((counts.at(-1)?.bytes ?? 0) >= sizeBytes) return
      counts.push({ bytes: ((await sentBytes(lab)) - first) * goodput, atMs: performance.now() })
    })
  }, EVERY_MS)
  return {
    async result(limitBytesPerSecond, windowSeconds) {
      const looked = counts.filter(({ bytes }) => bytes > QUESTIONS_BYTES && bytes <= LOOKED_AT_SHARE * sizeBytes)
      const rates = [{ atMs: 0, bytesPerSecond: limitBytesPerSecond }]
      const { over, under, windows } = worstWindowError(looked, rates, windowSeconds * 1000)
      if (windows === 0) throw new Error(`the image was read in less than ${windowSeconds} s`)
      return { over, under, copies: (((await sentBytes(lab)) - first) * goodput) / sizeBytes }
    },
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await reading
    },
  }
}

async function sentBytes(lab: Lab): Promise<number> {
  const { namespace } = lab.host('library')
  const listed = await ipCommand(['tc', '-n', namespace, '-s', '-j', 'qdisc', 'show', 'dev', 'eth0'])
  const disciplines = JSON.parse(listed) as { kind: string; bytes: number }[]
  return disciplines.find(({ kind }) => kind === 'tbf')?.bytes ?? Number.NaN
}
