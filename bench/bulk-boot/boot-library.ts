import { once } from 'node:events'
import { link, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Lab } from '../../infra/lab/lab.ts'
import { startOpenStack } from '../../infra/openstack/openstack.ts'
import { engineEnvironment } from '../engines/engine-process.ts'
import { startLibrary } from '../prefetch/lab-library.ts'
import type { BootCase } from './boot-case.ts'

/** Processes of Glance that answer. */
const WORKERS = 2

/** The library, on its own host of the lab. */
export interface BootLibrary extends AsyncDisposable {
  /** The seed's settings of its library, and what it finds in its environment. */
  readonly settings: object
  readonly env: NodeJS.ProcessEnv
  /** Puts a qcow2 file of the ground's file system into it; its id. */
  addImage(name: string, file: string): Promise<string>
  /** What `curl` is told to read an image. */
  request(image: string): Promise<readonly string[]>
  /** How often the bytes of an image were asked for, by its own log; `undefined`: it keeps none. */
  reads?(image: string): Promise<number>
}

export async function startBootLibrary(kind: BootCase['library'], lab: Lab, directory: string): Promise<BootLibrary> {
  await mkdir(directory)
  return kind === 'glance' ? startGlance(lab, directory) : startEmbedded(lab, directory)
}

async function startEmbedded(lab: Lab, directory: string): Promise<BootLibrary> {
  const library = await startLibrary(lab.host('library'), directory)
  const urls = new Map<string, string>()
  return {
    settings: { endpoint: library.url },
    env: {},
    async addImage(name, file) {
      await link(file, join(directory, `${name}.qcow2`))
      const url = await library.imageUrl(name)
      const image = url.split('/').at(-2) ?? ''
      urls.set(image, url)
      return image
    },
    request: async (image) => [urls.get(image) ?? ''],
    [Symbol.asyncDispose]: () => library[Symbol.asyncDispose](),
  }
}

async function startGlance(lab: Lab, directory: string): Promise<BootLibrary> {
  const { address, namespace } = lab.host('library')
  const cloud = await startOpenStack({ directory, host: address, namespace, workers: WORKERS })
  const url = (image: string) => `${cloud.glanceUrl}/v2/images/${image}/file`
  const header = async () => ['--header', `X-Auth-Token: ${await cloud.token()}`]
  return {
    settings: {},
    env: cloud.env,
    async addImage(name, file) {
      const image = await cloud.createImage({ name, diskFormat: 'qcow2' })
      // From its own host: over its link it would take minutes.
      const flags = ['--silent', '--fail', '--noproxy', '*', '--header', 'Content-Type: application/octet-stream']
      const curl = ['curl', ...flags, ...(await header()), '--upload-file', file, url(image)]
      const [code] = await once(lab.host('library').exec(curl, { env: engineEnvironment() }), 'exit')
      if (code !== 0) throw new Error(`the upload of ${name} failed: curl ended with ${code}`)
      return image
    },
    request: async (image) => [...(await header()), url(image)],
    reads: async (image) => (await cloud.imageReads(image)).length,
    [Symbol.asyncDispose]: () => cloud.stop(),
  }
}
