import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Client, createClient, type Event, type EventType, type Image } from '@shoal/api'
import { silentLogger } from '@shoal/core'
import { createLibrary } from '@shoal/library'
import { loadSeedConfig, type Seed, type SeedDeps, startSeed } from '../src/index.ts'
import { LibraryProxy } from './library-proxy.ts'

export const MIB = 1024 ** 2

interface TestLike {
  after(fn: () => Promise<void>): void
}

/** A seed over an embedded library behind a proxy, all in this process but for real HTTP, and what tests ask of it. */
export class SeedFixture {
  readonly directory: string
  readonly proxy: LibraryProxy
  readonly settings: Record<string, string>
  seed: Seed | undefined
  #client: Client | undefined

  constructor(directory: string, proxy: LibraryProxy, settings: Record<string, string>) {
    this.directory = directory
    this.proxy = proxy
    this.settings = settings
  }

  get client(): Client {
    if (this.#client === undefined) throw new TypeError('the seed was not started')
    return this.#client
  }

  get stateDirectory(): string {
    return join(this.directory, 'seed')
  }

  /** Flags of a seed of this fixture; every port is free to choose. */
  flags(): Record<string, string> {
    return {
      stateDirectory: this.stateDirectory,
      'library.endpoint': this.proxy.url,
      'library.pollIntervalMs': '50',
      'library.sweepIntervalMs': '100',
      'listen.port': '0',
      'swarm.port': '0',
      'tracker.port': '0',
      'dht.port': '0',
      // Most tests speak for nodes by their token; those of trust switch it on.
      'tls.enabled': 'false',
      'tls.port': '0',
      ...this.settings,
    }
  }

  async start(deps: Partial<SeedDeps> = {}): Promise<Seed> {
    const config = loadSeedConfig({ env: {}, flags: this.flags() })
    const seed = await startSeed(config, { logger: silentLogger, env: {}, ...deps })
    this.seed = seed
    this.connect(seed.url, seed.operatorToken)
    return seed
  }

  connect(baseUrl: string, token: string): void {
    this.#client = createClient({ baseUrl, token })
  }

  async stop(): Promise<void> {
    await this.seed?.stop()
    this.seed = undefined
  }

  /** Puts an image into the library; gives its id as soon as the library shows it. */
  async addImage(name: string, content: Uint8Array, sidecar: object = {}): Promise<string> {
    await writeFile(join(this.directory, 'images', `${name}.json`), JSON.stringify(sidecar))
    // The seed's polls make the library look at its directory all the time: half a file must not be seen.
    const path = join(this.directory, 'images', `${name}.raw`)
    await writeFile(`${path}.tmp`, content)
    await rename(`${path}.tmp`, path)
    const response = await fetch(`${this.proxy.url}/v2/images`)
    const { images } = (await response.json()) as { images: { id: string; name: string }[] }
    const image = images.find((candidate) => candidate.name === name)
    if (image === undefined) throw new Error(`the library does not show ${name}`)
    return image.id
  }

  async removeImage(name: string): Promise<void> {
    await rm(join(this.directory, 'images', `${name}.raw`))
  }

  /** Waits for an event of the type about the image; events that were there before count too. */
  async event(type: EventType, match: (event: Event) => boolean = () => true): Promise<Event> {
    const signal = AbortSignal.timeout(20_000)
    for await (const { data } of this.client.streamEvents({ query: { after: 0 }, signal })) {
      if (data.type === type && match(data)) return data
    }
    throw new Error(`no event ${type}`)
  }

  /** Imports an image and waits until that has ended. */
  async import(image: string): Promise<Image> {
    await this.client.importImage({ params: { image } })
    return this.imported(image)
  }

  imported(image: string): Promise<Image> {
    const isOver = (shown: Image) => ['published', 'failed', 'cancelled'].includes(shown.import?.state ?? '')
    return this.until(image, isOver)
  }

  /** Looks at the image until the condition holds. */
  async until(image: string, condition: (image: Image) => boolean): Promise<Image> {
    for (let attempt = 0; attempt < 1000; attempt += 1) {
      const shown = await this.client.showImage({ params: { image } })
      if (condition(shown)) return shown
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    throw new Error(`image ${image} did not get there`)
  }

  stagedFiles(): Promise<string[]> {
    return readdir(join(this.stateDirectory, 'layers', 'staging'))
  }
}

/** Random content that looks like no known format. */
export function rawImage(sizeBytes: number): Buffer {
  const content = randomBytes(sizeBytes)
  content.fill(0, 0, 4096)
  return content
}

/** Makes a fixture; nothing but the library runs yet. All of it ends with the test. */
export async function createFixture(t: TestLike, settings: Record<string, string> = {}): Promise<SeedFixture> {
  const directory = await mkdtemp(join(tmpdir(), 'shoal-seed-'))
  const images = join(directory, 'images')
  await mkdir(images)
  const library = createLibrary({ logger: silentLogger }, { directory: images })
  const proxy = new LibraryProxy(await library.start())
  await proxy.start()
  const fixture = new SeedFixture(directory, proxy, settings)
  t.after(async () => {
    await fixture.stop()
    await proxy[Symbol.asyncDispose]()
    await library.stop()
    await rm(directory, { recursive: true, force: true })
  })
  return fixture
}
