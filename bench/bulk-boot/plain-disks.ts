import { once } from 'node:events'
import { mkdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { aria2 } from '../engines/aria2.ts'
import { engineEnvironment } from '../engines/engine-process.ts'
import { openSwarmCast } from '../swarm/swarm-cast.ts'
import type { BootGround } from './boot-ground.ts'
import type { DiskSource } from './disk-source.ts'

const CURL = ['curl', '--silent', '--fail', '--noproxy', '*']

/** The flat image is on the node already: the bound. */
export function localDisks({ flat }: BootGround): DiskSource {
  return {
    open: async () => ({ file: flat, format: 'qcow2' }),
    [Symbol.asyncDispose]: async () => {},
  }
}

/**
 * Each node downloads all of the flat image from the library by itself. What it got is not hashed, which favours it.
 */
export async function pulledDisks({ lab, library, images, directory }: BootGround): Promise<DiskSource> {
  const own = join(directory, 'pulled')
  await mkdir(own)
  const request = await library.request(images.flat)
  return {
    async open(node, { signal }) {
      const file = join(own, `${node}.qcow2`)
      const curl = lab.host(node).exec([...CURL, '--output', file, ...request], { env: engineEnvironment() })
      const end = () => curl.kill('SIGKILL')
      signal.addEventListener('abort', end)
      const [code] = await once(curl, 'exit')
      signal.removeEventListener('abort', end)
      signal.throwIfAborted()
      if (code !== 0) throw new Error(`curl on ${node} ended with ${code}`)
      return { file, format: 'qcow2' }
    },
    [Symbol.asyncDispose]: () => rm(own, { recursive: true, force: true }),
  }
}

/**
 * All of the flat image comes by BitTorrent. The seed has it, and all processes listen before the clock starts, which
 * favours it.
 */
export async function torrentDisks(ground: BootGround): Promise<DiskSource> {
  await using stack = new AsyncDisposableStack()
  const cast = stack.use(await openSwarmCast(ground, aria2))
  const nodes = ground.setup.peers.map(({ node }) => node)
  const runs = await cast.startPeers(nodes)
  const kept = stack.move()
  return {
    async open(node, { signal }) {
      const run = runs[nodes.indexOf(node)]
      if (run === undefined) throw new TypeError(`nothing runs on ${node}`)
      const stopped = once(signal, 'abort').then(() => signal.throwIfAborted())
      await run.begin()
      await Promise.race([run.done, stopped])
      return { file: run.file, format: 'qcow2' }
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}
