import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'
import { text } from 'node:stream/consumers'
import { after, before, describe, test } from 'node:test'
import { findClaims } from '../infra/lab/address-range.ts'
import { createLab, type Lab } from '../infra/lab/lab.ts'
import { checkPlan } from '../infra/lab/lab-plan.ts'

// Programs that run on the lab's hosts.
const SEND = `require('net').createServer((s) => {
  s.on('error', () => {})
  const chunk = Buffer.alloc(65536)
  let left = 6e6
  const write = () => { while (left > 0) { left -= chunk.length; if (!s.write(chunk)) return s.once('drain', write) } s.end() }
  write()
}).listen(7000, '0.0.0.0', () => console.log('ready'))`
const RECEIVE = `const [address, port] = process.argv.slice(1)
const socket = require('net').connect({ host: address, port: Number(port), timeout: 1500 })
let first, bytes = 0
socket.on('data', (data) => { first ??= performance.now(); bytes += data.length })
socket.on('timeout', () => socket.destroy(new Error('timeout')))
socket.on('error', (error) => { console.log(JSON.stringify({ error: error.code ?? error.message })); process.exit() })
socket.on('end', () => console.log(JSON.stringify({ bytes, seconds: (performance.now() - first) / 1000 })))`

type Received = { bytes: number; seconds: number; error?: undefined } | { error: string }

async function startSender(lab: Lab, name: string): Promise<ChildProcess> {
  const sender = lab.host(name).exec([process.execPath, '-e', SEND])
  assert.ok(sender.stdout !== null)
  await once(sender.stdout, 'data')
  return sender
}

async function receive(lab: Lab, name: string, address: string, port = 7000): Promise<Received> {
  const receiver = lab.host(name).exec([process.execPath, '-e', RECEIVE, address, String(port)])
  assert.ok(receiver.stdout !== null)
  return JSON.parse(await text(receiver.stdout)) as Received
}

function megabitsPerSecond(received: Received): number {
  assert.ok(received.error === undefined, `received nothing: ${received.error}`)
  return (received.bytes * 8) / received.seconds / 1e6
}

function assertWithin(measured: number, expected: number, share: number): void {
  const isWithin = Math.abs(measured - expected) <= expected * share
  assert.ok(isWithin, `${measured.toFixed(1)} Mbit/s is not within ${share * 100} % of ${expected}`)
}

test('a plan that cannot be built is refused before anything is made', () => {
  const rack = (...names: string[]) => ({ name: 'r', zone: 'z', nodes: names.map((name) => ({ name })) })
  assert.throws(() => checkPlan({ racks: [rack('a', 'a')] }), /twice/)
  assert.throws(() => checkPlan({ racks: [rack('A b')] }), TypeError)
  assert.throws(() => checkPlan({ core: [{ name: 'seed', rateMbit: 0 }] }), TypeError)
  assert.throws(() => checkPlan({ prefix: 'much-too-long' }), TypeError)
  const misspelt = { name: 'seed', rate: 5 }
  assert.throws(() => checkPlan({ core: [misspelt] }), /"rate"/)
})

describe('a lab', { skip: process.getuid?.() !== 0 && 'network namespaces need root' }, () => {
  let lab: Lab
  let rootServer: Server
  before(async () => {
    lab = await createLab({
      core: [{ name: 'seed' }],
      racks: [
        { name: 'rack-a', zone: 'z1', nodes: [{ name: 'a1', rateMbit: 40 }, { name: 'a2' }] },
        { name: 'rack-b', zone: 'z2', uplinkMbit: 60, nodes: [{ name: 'b1' }] },
      ],
    })
    rootServer = createServer((socket) => socket.end('hello')).listen(0, lab.rootAddress)
    await once(rootServer, 'listening')
    await startSender(lab, 'seed')
  })
  after(async () => {
    rootServer?.close()
    await lab?.destroy()
  })

  test('gives every host its own address and says where it stands', () => {
    const hosts = [...lab.hosts.values()]
    assert.equal(new Set(hosts.map((host) => host.address)).size, 4)
    assert.deepEqual([lab.host('b1').zone, lab.host('b1').rack], ['z2', 'rack-b'])
    assert.throws(() => lab.address('c1'), TypeError)
  })

  test('lets hosts reach the core and the root namespace, and the root namespace them', async () => {
    assert.ok(megabitsPerSecond(await receive(lab, 'a2', lab.address('seed'))) > 0)
    const { port } = rootServer.address() as { port: number }
    const hello = await receive(lab, 'b1', lab.rootAddress, port)
    assert.equal(hello.error === undefined && hello.bytes, 5)
    const socket = connect(7000, lab.address('seed'))
    await once(socket, 'data')
    socket.destroy()
  })

  test("holds a host's own rate", async () => {
    assertWithin(megabitsPerSecond(await receive(lab, 'a1', lab.address('seed'))), 40, 0.15)
  })

  test("holds a rack's uplink", async () => {
    assertWithin(megabitsPerSecond(await receive(lab, 'b1', lab.address('seed'))), 60, 0.15)
  })

  test('cuts a host off, and it comes back', async () => {
    await lab.host('a2').cable.cutOff()
    const { error } = await receive(lab, 'a2', lab.address('seed'))
    assert.ok(['timeout', 'EHOSTUNREACH', 'ENETUNREACH'].includes(String(error)), String(error))
    await lab.host('a2').cable.restore()
    assert.ok(megabitsPerSecond(await receive(lab, 'a2', lab.address('seed'))) > 0)
  })

  test('gives the pid of the program itself, so that kill -9 reaches it', async () => {
    const program = await startSender(lab, 'a2')
    process.kill(program.pid ?? 0, 'SIGKILL')
    const [, signal] = await once(program, 'exit')
    assert.equal(signal, 'SIGKILL')
    assert.equal((await receive(lab, 'seed', lab.address('a2'))).error, 'ECONNREFUSED')
  })
})

test('two labs side by side do not clash, and nothing of them stays', {
  skip: process.getuid?.() !== 0 && 'network namespaces need root',
}, async () => {
  const plan = { core: [{ name: 'seed' }] }
  const labs = await Promise.all([createLab(plan), createLab(plan)])
  assert.notEqual(labs[0].address('seed'), labs[1].address('seed'))
  const program = await startSender(labs[0], 'seed')
  const ended = once(program, 'exit')
  await Promise.all(labs.flatMap((lab) => [lab.destroy(), lab.destroy()]))
  await ended
  const left = (await findClaims()).map(({ prefix, number }) => `${prefix}${number}`)
  assert.deepEqual(
    left.filter((name) => labs.some((lab) => lab.name === name)),
    [],
  )
})
