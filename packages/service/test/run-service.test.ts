import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const FIXTURE = fileURLToPath(new URL('fixture-service.ts', import.meta.url))

/** Starts the fixture as a real process; `seen` waits for a line of its log. */
function launch(env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [FIXTURE], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr?.on('data', (chunk) => {
    errors += chunk
  })
  const lines: Record<string, unknown>[] = []
  const waiting: { message: string; resolve: (line: Record<string, unknown>) => void }[] = []
  if (child.stdout) {
    createInterface(child.stdout).on('line', (text) => {
      const line = JSON.parse(text) as Record<string, unknown>
      lines.push(line)
      for (const { message, resolve } of waiting) if (line.msg === message) resolve(line)
    })
  }
  const closed = once(child, 'close')
  return {
    child,
    lines,
    seen: (message: string) =>
      Promise.race([
        new Promise<Record<string, unknown>>((resolve) => {
          const line = lines.find(({ msg }) => msg === message)
          if (line === undefined) waiting.push({ message, resolve })
          else resolve(line)
        }),
        closed.then(() => assert.fail(`the process ended without "${message}": ${errors}`)),
      ]),
    ended: async () => {
      const [code] = (await closed) as [number | null]
      return { code, errors }
    },
  }
}

test('SIGTERM stops the service in order, with exit code 0', async () => {
  const { child, seen, ended, lines } = launch()
  const { url } = await seen('listening')
  await seen('started')
  assert.equal((await fetch(`${url}/healthz`)).status, 200)
  child.kill('SIGTERM')
  assert.deepEqual(await ended(), { code: 0, errors: '' })
  assert.equal(lines.at(-1)?.msg, 'stopped')
})

test('a signal during the start ends it, with exit code 0', async () => {
  const { child, seen, ended } = launch({ SHOAL_FIXTURE_MISBEHAVE: 'slow-start' })
  await seen('waiting')
  child.kill('SIGINT')
  assert.deepEqual(await ended(), { code: 0, errors: '' })
})

test('a second signal ends the process at once, with 128 and the number of the signal', async () => {
  const { child, seen, ended } = launch({ SHOAL_FIXTURE_MISBEHAVE: 'never-stop' })
  await seen('started')
  child.kill('SIGTERM')
  await seen('stopping')
  child.kill('SIGINT')
  assert.equal((await ended()).code, 130)
})

test('a service that does not stop is ended after the time-out, with exit code 1', async () => {
  const { child, seen, ended } = launch({ SHOAL_FIXTURE_MISBEHAVE: 'never-stop' })
  await seen('started')
  child.kill('SIGTERM')
  const { code, errors } = await ended()
  assert.equal(code, 1)
  assert.match(errors, /SHOAL_SERVICE_STOP_TIMEOUT/)
})

test('a failure to stop is printed, with exit code 1', async () => {
  const { child, seen, ended } = launch({ SHOAL_FIXTURE_MISBEHAVE: 'fail-stop' })
  await seen('started')
  child.kill('SIGTERM')
  const { code, errors } = await ended()
  assert.equal(code, 1)
  assert.match(errors, /cannot stop/)
})

test('a port in use is printed once, with code and hint, exit code 1', async () => {
  const holder = createServer().listen(0, '127.0.0.1')
  await once(holder, 'listening')
  const { port } = holder.address() as { port: number }
  const { code, errors } = await launch({ SHOAL_FIXTURE_LISTEN_PORT: String(port) }).ended()
  holder.close()
  assert.equal(code, 1)
  assert.equal(errors.match(/SHOAL_HTTP_PORT_IN_USE/g)?.length, 1)
  assert.match(errors, /listen\.port/)
  assert.doesNotMatch(errors, /at .*\.ts/)
})

test('a fault that the service counts as one of configuration is printed as the command line does, with exit code 2', async () => {
  const ended = await launch({ SHOAL_FIXTURE_MISBEHAVE: 'settings' }).ended()
  assert.deepEqual(ended, { code: 2, errors: 'error: Bad.\nhint: Mend it.\ncode: SHOAL_FIXTURE_SETTINGS\n' })
})

test('an unknown configuration key refuses to start, with exit code 2', async () => {
  const { code, errors } = await launch({ SHOAL_FIXTURE_LISTEN_PROT: '1' }).ended()
  assert.equal(code, 2)
  assert.match(errors, /SHOAL_CONFIG_INVALID/)
  assert.match(errors, /SHOAL_FIXTURE_LISTEN_PROT/)
})

test('an error or rejection that nobody handles is logged and ends the process with exit code 1', async () => {
  for (const misbehave of ['throw', 'reject']) {
    const { ended, lines } = launch({ SHOAL_FIXTURE_MISBEHAVE: misbehave })
    const { code, errors } = await ended()
    assert.equal(code, 1)
    assert.match(errors, /nobody handles this/)
    assert.equal(lines.at(-1)?.msg, 'unhandled error')
  }
})
