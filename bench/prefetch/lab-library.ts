import { join } from 'node:path'
import type { LabHost } from '../../infra/lab/lab-host.ts'
import { until } from '../../test/harness/until.ts'
import { EngineProcess, engineEnvironment } from '../engines/engine-process.ts'

const SHOAL = join(import.meta.dirname, '../../packages/cli/bin/shoal.js')
const PORT = 9292

export interface LabLibrary extends AsyncDisposable {
  readonly url: string
  /** Where the bytes of the image of this name are read, once the library has it. */
  imageUrl(name: string): Promise<string>
}

/** `shoal library serve` on a host of the lab; resolves when it answers. */
export async function startLibrary(host: LabHost, directory: string): Promise<LabLibrary> {
  const flags = ['--directory', directory, '--host', host.address, '--port', `${PORT}`, '--log-level', 'warn', '--open']
  const argv = [process.execPath, SHOAL, 'library', 'serve', ...flags]
  const program = new EngineProcess('library', host.exec(argv, { env: engineEnvironment() }))
  const url = `http://${host.address}:${PORT}`
  try {
    await Promise.race([
      program.ended,
      until('the library answers', async () => (await fetch(`${url}/healthcheck`)).ok),
    ])
  } catch (error) {
    await program.kill()
    throw error
  }
  return {
    url,
    imageUrl: (name) =>
      until(`the library has ${name}`, async () => {
        const answer = (await (await fetch(`${url}/v2/images?name=${name}`)).json()) as { images: { id: string }[] }
        const [image] = answer.images
        return image === undefined ? undefined : `${url}/v2/images/${image.id}/file`
      }),
    [Symbol.asyncDispose]: () => program.kill(),
  }
}
