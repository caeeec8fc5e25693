import { ipCommand } from '../../infra/lab/ip-command.ts'
import type { Lab } from '../../infra/lab/lab.ts'
import { type Count, type WindowError, worstWindowError } from '../limits/window-error.ts'

const EVERY_MS = 100
/** What the seed asks about images is less; an image's bytes are more. */
const QUESTIONS_BYTES = 256 * 1024
/** What comes after an image's last bytes is not held back by the limit. */
const LOOKED_AT_SHARE = 0.98

/** Counts what the library's link sends, until it has sent one image. */
export interface IngestWatch extends AsyncDisposable {
  /** Of every window while the image was read, from its first bytes on, against the limit. */
  error(limitBytesPerSecond: number, windowSeconds: number): WindowError
  /** Payload so far over the image's size, all requests counted. */
  libraryCopies(): Promise<number>
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
    error(limitBytesPerSecond, windowSeconds) {
      const looked = counts.filter(({ bytes }) => bytes > QUESTIONS_BYTES && bytes <= LOOKED_AT_SHARE * sizeBytes)
      return worstWindowError(looked, [{ atMs: 0, bytesPerSecond: limitBytesPerSecond }], windowSeconds * 1000)
    },
    libraryCopies: async () => (((await sentBytes(lab)) - first) * goodput) / sizeBytes,
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
