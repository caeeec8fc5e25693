import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { type Heartbeat, inventoryText, type LayerInventory } from '@shoal/api'
import { SetDigest } from '@shoal/core'
import { round } from './measure-trace.ts'

/** What heartbeats of one kind take. */
export interface HeartbeatRow {
  /** `whole`: all layers each time, as before; then what changed: nothing, one layer, ten of them. */
  readonly kind: string
  readonly layers: number
  readonly bytesSent: number
  readonly bytesAnswered: number
  /** Of the seed's processor, the HTTP server with it. */
  readonly microseconds: number
}

const LAYERS = 200
const NODES = 20
const KINDS: Readonly<Record<string, number | undefined>> = { whole: undefined, idle: 0, one: 1, ten: 10 }

/** Sends heartbeats of nodes with 200 layers to a real seed, over real sockets. */
export async function measureHeartbeats(beats: number): Promise<HeartbeatRow[]> {
  const child = fork(join(import.meta.dirname, 'seed-process.ts'))
  try {
    const { url, token } = (await message(child)) as { url: string; token: string }
    const nodes = await Promise.all(
      Array.from({ length: NODES }, (_, node) => SimulatedPeer.start(node, { url, token })),
    )
    const rows: HeartbeatRow[] = []
    for (const [kind, changes] of Object.entries(KINDS)) {
      for (const node of nodes) for (let beat = 0; beat < 3; beat += 1) await node.beat(changes)
      const before = await cpuOf(child)
      let [bytesSent, bytesAnswered] = [0, 0]
      for (let beat = 0; beat < beats; beat += 1) {
        const took = await nodes[beat % NODES]?.beat(changes)
        bytesSent += took?.sent ?? 0
        bytesAnswered += took?.answered ?? 0
      }
      const cpu = (await cpuOf(child)) - before
      rows.push({
        kind,
        layers: LAYERS,
        bytesSent: Math.round(bytesSent / beats),
        bytesAnswered: Math.round(bytesAnswered / beats),
        microseconds: round(cpu / beats, 0),
      })
    }
    return rows
  } finally {
    child.send('end')
    await once(child, 'exit')
  }
}

/** Tells what docs/formats/heartbeat.md says. */
class SimulatedPeer {
  readonly #url: string
  readonly #headers: Record<string, string>
  readonly #layers: LayerInventory[]
  #sequence = 1
  #turn = 0

  private constructor(node: number, { url, token }: { url: string; token: string }) {
    this.#url = `${url}/v1/nodes/compute-${node}`
    this.#headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    this.#layers = Array.from({ length: LAYERS }, (_, layer): LayerInventory => {
      const digest = `sha256:${layer.toString(16).padStart(64, '0')}`
      const counters = { fromOriginBytes: 123_456_789, fromPeersBytes: 987_654_321, uploadedBytes: 1e9, peers: 12 }
      return { digest, state: 'complete', presentBytes: 734_003_200, sizeBytes: 734_003_200, ...counters, error: null }
    })
  }

  static async start(node: number, seed: { url: string; token: string }): Promise<SimulatedPeer> {
    const peer = new SimulatedPeer(node, seed)
    const registration = {
      ...{ zone: 'z1', rack: `r${node % 4}`, swarmAddress: `127.0.0.1:${node + 1}`, dhtAddress: null, apiUrl: null },
      ...{ swarmPeerId: String(node).padStart(40, '0'), capacityBytes: 1e12, version: '1' },
    }
    const answer = await fetch(peer.#url, { method: 'PUT', headers: peer.#headers, body: JSON.stringify(registration) })
    if (!answer.ok) throw new Error(`registering: ${await answer.text()}`)
    await peer.beat(undefined)
    return peer
  }

  /** One heartbeat in which so many layers have changed; undefined tells all. */
  async beat(changes: number | undefined): Promise<{ sent: number; answered: number }> {
    this.#sequence += 1
    for (let change = 0; change < (changes ?? 0); change += 1) {
      this.#turn = (this.#turn + 1) % LAYERS
      const layer = this.#layers[this.#turn]
      if (layer !== undefined) this.#layers[this.#turn] = { ...layer, uploadedBytes: layer.uploadedBytes + 1 }
    }
    const digest = new SetDigest()
    for (const layer of this.#layers) digest.toggle(inventoryText(layer))
    const told = changes === undefined ? this.#layers : this.#changed(changes)
    const idle = {
      diskFreeBytes: 1e12,
      diskUsedBytes: 1e11,
      downBytesPerSecond: 1e6,
      upBytesPerSecond: 1e6,
      load1: 3.5,
    }
    const report = { sequence: this.#sequence, digest: digest.hex, ...(changes === undefined ? {} : { gone: [] }) }
    const body: Heartbeat = { inventory: { layers: told, ...idle }, report, events: [] }
    const text = JSON.stringify(body)
    const answer = await fetch(`${this.#url}/heartbeat`, { method: 'POST', headers: this.#headers, body: text })
    const answered = await answer.text()
    const { reported } = JSON.parse(answered) as { reported?: { digest: string } }
    if (reported?.digest !== digest.hex) throw new Error(`the seed did not take a heartbeat in: ${answered}`)
    return { sent: text.length, answered: answered.length }
  }

  #changed(changes: number): LayerInventory[] {
    return Array.from({ length: changes }, (_, back) => {
      return this.#layers[(this.#turn - back + LAYERS) % LAYERS]
    }).flatMap((layer) => layer ?? [])
  }
}

async function cpuOf(child: ChildProcess): Promise<number> {
  child.send('cpu')
  const { cpu } = (await message(child)) as { cpu: NodeJS.CpuUsage }
  return cpu.user + cpu.system
}

async function message(child: ChildProcess): Promise<unknown> {
  const [received] = (await once(child, 'message')) as [unknown]
  return received
}
