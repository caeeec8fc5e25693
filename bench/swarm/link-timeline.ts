import { ipCommand } from '../../infra/lab/ip-command.ts'
import { labSwitches } from './lab-switches.ts'
import type { SwarmGround } from './swarm-ground.ts'

const EVERY_MS = 1000
const MB = 1e6

/** Prints, each second, what each node's link carried up and down, in MB/s of the wire; any engine. */
export function startLinkTimeline({ lab, setup }: SwarmGround, print: (line: string) => void): AsyncDisposable {
  const switches = labSwitches(lab, setup)
  const read = async () => {
    const counts = await Promise.all(
      switches.map(async ({ namespace, ports }) => {
        const listed = await ipCommand(['ip', '-n', namespace, '-s', '-j', 'link', 'show'])
        const links = JSON.parse(listed) as {
          ifname: string
          stats64: { rx: { bytes: number }; tx: { bytes: number } }
        }[]
        return ports.map(({ node, link }) => {
          const stats = links.find(({ ifname }) => ifname === link)?.stats64
          return [node, { up: stats?.rx.bytes ?? 0, down: stats?.tx.bytes ?? 0 }] as const
        })
      }),
    )
    return { at: performance.now(), of: new Map(counts.flat()) }
  }
  const begin = performance.now()
  let last = read()
  let reading = Promise.resolve()
  const timer = setInterval(() => {
    reading = reading.then(async () => {
      const [before, now] = [await last, await read()]
      last = Promise.resolve(now)
      const rate = (node: string, way: 'up' | 'down') => {
        const bytes = (now.of.get(node)?.[way] ?? 0) - (before.of.get(node)?.[way] ?? 0)
        return (bytes / MB / ((now.at - before.at) / 1000)).toFixed(1).padStart(4)
      }
      const all = (way: 'up' | 'down') => setup.peers.map(({ node }) => rate(node, way)).join(' ')
      const seconds = ((now.at - begin) / 1000).toFixed(1).padStart(5)
      print(`${seconds} s  seed ${rate('seed', 'up')}  down ${all('down')}  up ${all('up')}`)
    })
  }, EVERY_MS)
  return {
    async [Symbol.asyncDispose]() {
      clearInterval(timer)
      await reading
    },
  }
}
