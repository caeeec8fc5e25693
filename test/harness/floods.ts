import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from '@shoal/core'
import type { Undo } from './undo.ts'
import { until } from './until.ts'

const MIB = 1024 * 1024
/** Who is served is answered in this time while a flood runs, on a machine that does other things too. */
const BOUND_MS = 2500
/** Flooder and flooded are one process here. */
const MAX_GROWTH_BYTES = 256 * MIB
/** Sockets of clients that keep their connection. */
const SLACK = 8
const BATCH = 100
/** Who is served asks less often than clients may. */
const ASK_EVERY_MS = 40

export interface Target {
  readonly host: string
  readonly port: number
  /** Address that the flood comes from. */
  readonly from: string
}

export interface Heard {
  /** Where the Glance endpoint is served, if one is. */
  serving?: string
  readonly logger: Logger
  /** Floods that were told in the log. */
  readonly floods: { readonly what: unknown; readonly perSecond: unknown; readonly address: unknown }[]
}

/** A logger that keeps what is said of floods. */
export function floodLogger(): Heard {
  const floods: Heard['floods'] = []
  const heard: Heard = {
    floods,
    get logger() {
      return logger
    },
  }
  const quiet = () => {}
  const info = (facts: { url?: string }, message: string) => {
    if (message === 'serving Glance' && facts.url !== undefined) heard.serving = facts.url
  }
  const warn = (facts: object, message: string) => {
    if (message === 'more is turned away than by accident') floods.push(facts as (typeof floods)[number])
  }
  const logger: Logger = { debug: quiet, info, warn, error: quiet, child: () => logger }
  return heard
}

/** Opens connections, a hundred at a time, each with these first bytes; those that are closed meanwhile count as well. */
export async function dial(undo: Undo, { host, port, from }: Target, count: number, first?: Buffer): Promise<Socket[]> {
  const sockets: Socket[] = []
  undo.after(async () => {
    for (const socket of sockets) socket.destroy()
  })
  for (let opened = 0; opened < count; opened += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, count - opened) }, () => {
      const socket = connect({ host, port, localAddress: from })
      socket.on('error', () => {})
      socket.resume()
      if (first !== undefined) socket.write(first)
      return socket
    })
    sockets.push(...batch)
    await Promise.all(
      batch.map((socket) => Promise.race([once(socket, 'connect'), once(socket, 'close')]).catch(() => undefined)),
    )
  }
  return sockets
}

/** Waits until so many of them were closed. */
export async function turnedAway(sockets: readonly Socket[], count: number): Promise<void> {
  const closed = async () => sockets.filter((socket) => socket.closed).length >= count
  await until(`${count} connections are closed`, closed, { timeoutMs: 5000, everyMs: 20 })
}

/** One request on a connection of its own; the status. */
export async function ask(url: string, headers: Record<string, string> = {}, from = '127.0.0.1'): Promise<number> {
  const sent = request(url, { agent: false, headers: { ...headers, connection: 'close' }, localAddress: from }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  answer.resume()
  await once(answer, 'end')
  return answer.statusCode ?? 0
}

/** Runs a flood. All the while who is served is answered in time; memory stays bounded, and no connection is left of it. */
export async function underFlood(
  t: { after(fn: () => Promise<void>): void },
  flood: (undo: Undo) => Promise<unknown>,
  served: () => Promise<unknown>,
): Promise<void> {
  await served()
  const before = { sockets: sockets(), rss: process.memoryUsage.rss() }
  const stack = new AsyncDisposableStack()
  t.after(() => stack.disposeAsync())
  let isOver = false
  const running = flood({ after: (fn) => void stack.defer(async () => void (await fn())) }).finally(() => {
    isOver = true
  })
  for (let asked = 0; asked < 5 || !isOver; asked += 1) {
    const begun = performance.now()
    await served()
    const took = performance.now() - begun
    assert.ok(took < BOUND_MS, `who is served was answered after ${Math.round(took)} ms`)
    await sleep(ASK_EVERY_MS)
  }
  await running
  assert.ok(process.memoryUsage.rss() - before.rss < MAX_GROWTH_BYTES, 'memory is bounded')
  await stack.disposeAsync()
  await until('all is as before', async () => sockets() <= before.sockets + SLACK, { timeoutMs: 10_000, everyMs: 20 })
  await served()
}

function sockets(): number {
  return process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length
}
