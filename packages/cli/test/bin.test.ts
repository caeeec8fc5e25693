import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { it } from 'node:test'
import { promisify } from 'node:util'

const run = promisify(execFile)
const BIN = join(import.meta.dirname, '../bin/shoal.js')

it('runs as a program and passes the exit code on', async () => {
  const { stdout } = await run(process.execPath, [BIN, '--version'])
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  await assert.rejects(run(process.execPath, [BIN, 'nonsense']), { code: 2 })
})

it('says in its own words that standard output cannot be written', async () => {
  await assert.rejects(run('sh', ['-c', `"$0" "$1" --version > /dev/full`, process.execPath, BIN]), {
    code: 1,
    stderr: /^error: .*ENOSPC.*\nhint: .*\ncode: SHOAL_CLI_OUTPUT\n$/,
  })
})

it('hands over to the Node beside it when the one it is run by is too old', async (t) => {
  const [, old] = await run('bash', ['-c', 'type -ap node'])
    .then(({ stdout }) => stdout.split('\n'))
    .then(async (paths) => {
      for (const path of paths.filter((one) => one !== '')) {
        const { stdout } = await run(path, ['-p', 'process.versions.node'])
        if (Number(stdout.split('.')[0]) < 22) return ['', path] as const
      }
      return ['', undefined] as const
    })
  if (old === undefined) return t.skip('every Node of this machine is recent')
  const { stdout } = await run(old, [BIN, 'completion', 'bash'])
  assert.match(stdout, /complete .* shoal/)
  await assert.rejects(run(old, [BIN, 'nonsense']), { code: 2 })
})
