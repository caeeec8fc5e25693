import assert from 'node:assert/strict'
import { execFile, spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const root = join(import.meta.dirname, '..')
const START = join(root, 'infra/dev/start.ts')
const SHOAL = join(root, 'packages/cli/bin/shoal.js')
const TIMEOUT_MS = 180_000

describe('npm start', { timeout: TIMEOUT_MS }, () => {
  // A loopback network of its own, so that runs side by side never meet.
  const network = `127.${randomInt(20, 250)}.${randomInt(1, 250)}`
  let directory: string
  let options: string[]

  before(async () => {
    directory = await mkdtemp(join(tmpdir(), 'shoal-start-'))
    options = ['--directory', directory, '--network', network]
  })
  after(() => rm(directory, { recursive: true, force: true }))

  it('imports, distributes and verifies with --once, and shows seed copies and rates', async () => {
    const { stdout } = await run(process.execPath, [START, '--once', ...options])
    assert.equal(count(stdout, /^import .* MiB in .*, .*MiB\/s, library read once$/gm), 3, stdout)
    assert.match(
      stdout,
      /^layers +Example application: a middle of .* MiB on its base in place of .* MiB \(saves \d+ %\)$/m,
    )
    assert.equal(count(stdout, /^distribution .* to 3 nodes in .*, seed copies \d+\.\d\d$/gm), 3, stdout)
    assert.match(stdout, /^verification +12 copies, .*: every block and digest matches$/m)
    assert.doesNotMatch(stdout, /Try next/)
  })

  it('goes on from what is there, serves the command line, and stops everything on Ctrl-C', async () => {
    const started = spawn(process.execPath, [START, ...options], { stdio: ['ignore', 'pipe', 'inherit'] })
    try {
      const text = await readUntil(started.stdout, 'Ctrl-C ends it')
      assert.equal(count(text, /^import .*already there$/gm), 3, text)
      assert.equal(count(text, /^distribution .*already there/gm), 3, text)

      const access = ['--seed', `http://${network}.1:7420`, '--token-file', join(directory, 'seed/operator.token')]
      const shoal = (...argv: string[]) => run(process.execPath, [SHOAL, ...argv, ...access])
      const { images } = JSON.parse((await shoal('image', 'list', '--json')).stdout)
      assert.equal(images.length, 3)
      assert.match((await shoal('image', 'show', 'Example tools')).stdout, /import +published/)
      assert.match((await shoal('node', 'list')).stdout, /^peer-3 +ready .* 3\/3 /m)
      assert.match((await shoal('status')).stdout, /nodes +3 ready/)
      const verified = await shoal('layer', 'verify', 'Example tools', '--peer', `http://${network}.2:7421`)
      assert.match(verified.stdout, /all 192 blocks and the digest match/)
      const assigned = await shoal('layer', 'assign', 'Example tools', '--all', '--wait')
      assert.match(assigned.stdout, /on 3 of 3 nodes/)
      assert.match((await shoal('status', '--peer', `http://${network}.2:7421`)).stdout, /^peer +peer-1/)
      assert.match((await shoal('event', 'list')).stdout, /import\.published/)
      assert.match((await shoal('layer', 'tree')).stdout, /Example application/)
      const peer = ['--peer', `http://${network}.2:7421`]
      await shoal('layer', 'compose', 'Example application', ...peer, '--name', 'application.raw', '--wait')
      const composed = join(directory, 'peer-1/disks/application.raw')
      await run('qemu-img', ['compare', composed, join(directory, 'images/example-application.qcow2')])
      await assert.rejects(run(process.execPath, [SHOAL, 'status', ...access.slice(0, 2), '--token', 'wrong']), {
        code: 4,
      })

      const again = run(process.execPath, [START, '--once', ...options])
      await assert.rejects(again, { code: 1, stderr: /SHOAL_DEV_PORT_IN_USE/ })
    } finally {
      started.kill('SIGINT')
    }
    const [code] = await once(started, 'exit')
    assert.equal(code, 0)
    await assert.rejects(fetch(`http://${network}.1:7420/healthz`))
    await assert.rejects(fetch(`http://${network}.4:7421/healthz`))
  })

  it('names the port that is taken by something else', async () => {
    const server = createServer().listen(7421, `${network}.3`)
    await once(server, 'listening')
    try {
      const start = run(process.execPath, [START, '--once', ...options])
      await assert.rejects(start, {
        code: 1,
        stderr: /listens on [\d.]+:7421.*\nhint: .*\ncode: SHOAL_DEV_PORT_IN_USE/,
      })
    } finally {
      server.close()
    }
  })

  it('refuses wrong arguments with exit code 2', async () => {
    await assert.rejects(run(process.execPath, [START, '--peers', 'many']), { code: 2, stderr: /SHOAL_DEV_ARGUMENT/ })
    await assert.rejects(run(process.execPath, [START, '--network', '10.0.0']), { code: 2 })
  })
})

function count(text: string, pattern: RegExp): number {
  return [...text.matchAll(pattern)].length
}

async function readUntil(stream: AsyncIterable<Buffer>, end: string): Promise<string> {
  let text = ''
  // Not closed at the end of the loop: what the program says later must find a reader.
  const chunks = stream[Symbol.asyncIterator]()
  while (!text.includes(end)) {
    const { done, value } = await chunks.next()
    if (done) throw new Error(`it ended before "${end}": ${text}`)
    text += value.toString()
  }
  return text
}
