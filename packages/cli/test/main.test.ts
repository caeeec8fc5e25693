import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { buildQcow2 } from '@shoal/qcow2/qcow2-builder'
import { commands } from '../src/commands.ts'
import { EXIT } from '../src/exit-code.ts'
import { buildHeld, buildImage, buildImport, buildLayer, buildNode, digestOf } from './builders.ts'
import { runCli } from './run-cli.ts'
import { startStandInSeed, TOKEN } from './stand-in-seed.ts'

const A = digestOf('aaaaaaaa')
const B = digestOf('aaaaaaaabb')
const at = '2026-01-01T00:00:00.000Z'
const published = buildImage({
  import: buildImport(),
  layer: A,
  signature: {
    ...{ state: 'verified', certificate: '6f0c2c1e-0000-4000-8000-00000000000c', hashMethod: 'SHA-256' },
    ...{ keyType: 'RSA-PSS', subject: 'CN=signer', checkedAt: '2026-01-01T00:00:00.000Z', error: null },
  },
})

describe('shoal against a seed', () => {
  let seed: Awaited<ReturnType<typeof startStandInSeed>>
  let access: string[]

  before(async () => {
    seed = await startStandInSeed({
      images: [
        published,
        buildImage({ id: 'id-2', name: 'plain' }),
        buildImage({ id: 'id-3', name: 'twin' }),
        buildImage({ id: 'id-4', name: 'twin' }),
        buildImage({ id: 'id-5', name: 'evil\u001b[2Jname' }),
        buildImage({ id: 'id-6', name: 'gone', status: 'deleted', import: buildImport() }),
      ],
      layers: [buildLayer({ digest: A, images: [published.id] }), buildLayer({ digest: B })],
      nodes: [buildNode('n1', [buildHeld()]), buildNode('n2', [buildHeld()]), buildNode('n3', null)],
      events: [
        {
          id: 1,
          at,
          type: 'import.started',
          actor: 'seed',
          image: published.id,
          message: 'Import started.',
          details: {},
        },
        {
          id: 2,
          at,
          type: 'layer.complete',
          actor: 'node:n1',
          node: 'n1',
          layer: A,
          message: 'Layer complete in 2.7 s.',
          details: {},
        },
      ],
    })
    access = ['--seed', seed.url, '--token', TOKEN]
  })
  after(() => seed[Symbol.asyncDispose]())

  it('lists the images of all pages', async () => {
    const { code, stdout } = await runCli(['image', 'list', ...access])
    assert.equal(code, EXIT.ok)
    const lines = stdout.trimEnd().split('\n')
    assert.equal(lines.length, 7)
    assert.match(lines[1] ?? '', /debian-12 .* 1\.00 MiB +published +aaaaaaaa0000/)
  })

  it('lists the same as JSON of the API', async () => {
    const { code, stdout } = await runCli(['image', 'list', '--json', ...access])
    assert.equal(code, EXIT.ok)
    const { images, next } = JSON.parse(stdout)
    assert.equal(images.length, 6)
    assert.equal(next, null)
    assert.deepEqual(images[0], published)
  })

  it('shows control characters of a name as harmless ones', async () => {
    const { stdout } = await runCli(['image', 'list', ...access])
    assert.ok(!stdout.includes('\u001b'))
    assert.match(stdout, /evil\?\[2Jname/)
  })

  it('shows an image by id and by name', async () => {
    for (const image of [published.id, 'debian-12']) {
      const { code, stdout } = await runCli(['image', 'show', image, ...access])
      assert.equal(code, EXIT.ok)
      assert.match(stdout, /^id +6f0c2c1e/)
      assert.match(stdout, /requests +1 for image data/)
      assert.match(stdout, /^signature +verified; RSA-PSS with SHA-256; certificate 6f0c2c1e\S+ \(CN=signer\)$/m)
    }
  })

  it('exits 3 for an unknown image and 2 for an ambiguous name', async () => {
    const unknown = await runCli(['image', 'show', 'nothing', ...access])
    assert.equal(unknown.code, EXIT.notFound)
    assert.match(unknown.stderr, /^error: .*\nhint: .*\ncode: SHOAL_CLI_IMAGE_UNKNOWN\n$/)
    const twin = await runCli(['image', 'show', 'twin', ...access])
    assert.equal(twin.code, EXIT.usage)
    assert.match(twin.stderr, /id-3, id-4/)
  })

  it('waits for an import and prints plain lines where there is no terminal', async () => {
    seed.state.onImport = (image) => {
      Object.assign(image, { import: buildImport(), layer: B })
    }
    const { code, stdout } = await runCli(['image', 'import', 'plain', '--wait', ...access])
    assert.equal(code, EXIT.ok)
    assert.match(
      stdout,
      /^import plain: 100 % of 1\.00 MiB, published\nplain: published as sha256:a+b+0+, .*, 2\.0 s\n$/,
    )
  })

  it('exits 6 and prints the error when an import fails', async () => {
    const error = { code: 'SHOAL_IMAGE_TRUNCATED', message: 'Too short.', hint: 'Upload it again.', details: {} }
    seed.state.onImport = (image) => {
      Object.assign(image, { import: buildImport({ state: 'failed', error }) })
    }
    const { code, stderr } = await runCli(['image', 'import', 'id-5', '--wait', ...access])
    assert.equal(code, EXIT.incomplete)
    assert.match(stderr, /^error: Too short\.\nhint: Upload it again\.\ncode: SHOAL_IMAGE_TRUNCATED\n$/)
  })

  it('shows the checks of an image, and exits 6 when it was refused', async () => {
    const passed = { name: 'version', outcome: 'passed', code: null, message: null, hint: null, details: {} } as const
    const failed = {
      ...({ name: 'backing-file', outcome: 'failed', code: 'SHOAL_IMAGE_BACKING_FILE' } as const),
      ...{ message: 'It has one.', hint: 'Flatten it.', details: {} },
    } as const
    const found = { format: 'qcow2', virtualSizeBytes: 1024 ** 3, isAccepted: true, checks: [passed] } as const
    seed.state.inspections.set(published.id, { ...found, checks: [passed] })
    seed.state.inspections.set('id-2', { ...found, isAccepted: false, checks: [passed, failed] })
    const good = await runCli(['image', 'inspect', 'debian-12', ...access])
    assert.equal(good.code, EXIT.ok)
    assert.match(good.stdout, /^version +passed +-\n\naccepted: qcow2, a disk of 1\.00 GiB\n$/m)
    const bad = await runCli(['image', 'inspect', 'plain', ...access])
    assert.equal(bad.code, EXIT.incomplete)
    assert.match(bad.stdout, /^backing-file +failed +SHOAL_IMAGE_BACKING_FILE\n\nrefused: qcow2/m)
    assert.match(bad.stderr, /^error: It has one\.\nhint: Flatten it\.\ncode: SHOAL_IMAGE_BACKING_FILE\n$/)
    const json = await runCli(['image', 'inspect', 'plain', '--json', ...access])
    assert.equal(JSON.parse(json.stdout).checks.length, 2)
    const never = await runCli(['image', 'inspect', 'id-3', ...access])
    assert.match(never.stderr, /code: SHOAL_IMAGE_NOT_INSPECTED/)
    const format = await runCli(['image', 'inspect', 'plain', '--format', 'raw', ...access])
    assert.equal(format.code, EXIT.usage)
  })

  it('accepts an image, a digest and a unique prefix where a layer is named', async () => {
    for (const layer of ['debian-12', published.id, A, 'aaaaaaaa00', 'sha256:aaaaaaaa00']) {
      const { code, stdout } = await runCli(['layer', 'show', layer, '--json', ...access])
      assert.equal(code, EXIT.ok, layer)
      assert.equal(JSON.parse(stdout).digest, A)
    }
  })

  it('refuses an ambiguous prefix, one that is too short, and an image without a layer', async () => {
    const codeOf = async (layer: string) => {
      const { code, stderr } = await runCli(['layer', 'show', layer, '--json', ...access])
      return [code, JSON.parse(stderr).error.code]
    }
    assert.deepEqual(await codeOf('aaaaaaaa'), [EXIT.usage, 'SHOAL_CLI_LAYER_AMBIGUOUS'])
    assert.deepEqual(await codeOf('aaaaaaa'), [EXIT.notFound, 'SHOAL_CLI_LAYER_UNKNOWN'])
    assert.deepEqual(await codeOf('id-3'), [EXIT.notFound, 'SHOAL_CLI_IMAGE_NOT_PUBLISHED'])
    assert.deepEqual(await codeOf('gone'), [EXIT.notFound, 'SHOAL_CLI_IMAGE_DELETED'])
    assert.deepEqual(await codeOf(digestOf('ff')), [EXIT.notFound, 'SHOAL_LAYER_UNKNOWN'])
  })

  it('assigns to nodes and exits 6 when one is not registered', async () => {
    const all = await runCli(['layer', 'assign', 'debian-12', '--all', ...access])
    assert.equal(all.code, EXIT.ok)
    assert.match(all.stdout, /assigned to 3 nodes/)
    const some = await runCli(['layer', 'assign', 'debian-12', '--node', 'n1', '--node', 'nowhere', ...access])
    assert.equal(some.code, EXIT.incomplete)
    assert.match(some.stdout, /not registered: nowhere/)
    const unsaid = await runCli(['layer', 'assign', 'debian-12', ...access])
    assert.equal(unsaid.code, EXIT.usage)
    const nowhere = await runCli(['layer', 'assign', 'debian-12', '--zone', 'z9', ...access])
    assert.equal(nowhere.code, EXIT.incomplete)
    assert.match(nowhere.stdout, /assigned to no node/)
  })

  it('waits until the layer is on the nodes that were assigned', async () => {
    const { code, stdout } = await runCli(['layer', 'assign', A, '--node', 'n1', '--node', 'n2', '--wait', ...access])
    assert.equal(code, EXIT.ok)
    assert.match(stdout, /on 2 of 2 nodes, seed copies 1\.00\n$/)
  })

  it('prints one JSON object a line while it waits with --json', async () => {
    const { stdout } = await runCli(['layer', 'assign', A, '--node', 'n1', '--wait', '--json', ...access])
    const [result, state] = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    assert.deepEqual(result, { assigned: ['n1'], unknown: [] })
    assert.equal(state.distribution.complete, 1)
  })

  it('exits 6 when a verification finds bad blocks', async () => {
    assert.equal((await runCli(['layer', 'verify', A, ...access])).code, EXIT.ok)
    seed.state.badBlocks = [2]
    const { code, stdout } = await runCli(['layer', 'verify', A, ...access])
    seed.state.badBlocks = []
    assert.equal(code, EXIT.incomplete)
    assert.match(stdout, /1 of 4 blocks are bad/)
  })

  it('lists nodes, one without a heartbeat among them', async () => {
    const { code, stdout } = await runCli(['node', 'list', ...access])
    assert.equal(code, EXIT.ok)
    assert.match(stdout, /n3 +ready +z1 +r1 +127\.0\.0\.2:7471 +- +-/)
  })

  it('tells what every event is about', async () => {
    const { code, stdout } = await runCli(['event', 'list', ...access])
    assert.equal(code, EXIT.ok)
    const [started, complete] = stdout.split('\n')
    assert.match(started ?? '', / {2}Import started\. {2}image=6f0c2c1e-0000-4000-8000-000000000001$/)
    assert.match(complete ?? '', / {2}Layer complete in 2\.7 s\. {2}node=n1 layer=aaaaaaaa0000$/)
    const last = await runCli(['event', 'list', '--last', '1', ...access])
    assert.equal(last.stdout, `${complete}\n`)
  })

  it('shows the status of the seed', async () => {
    const { code, stdout } = await runCli(['status', ...access])
    assert.equal(code, EXIT.ok)
    assert.match(stdout, /^health +The swarm is healthy: 3 nodes are ready\.$/m)
    assert.match(stdout, /tracker +http:\/\/127\.0\.0\.1:7462\/announce, 0 announced/)
    const { overview, publicKey } = JSON.parse((await runCli(['status', '--json', ...access])).stdout)
    assert.deepEqual([overview.health.verdict, publicKey], ['healthy', 'key'])
  })

  it('exits 4 with a wrong token and without one', async () => {
    for (const argv of [['--token', 'wrong'], []]) {
      const { code, stderr } = await runCli(['status', '--seed', seed.url, ...argv])
      assert.equal(code, EXIT.unauthorised)
      assert.match(stderr, /code: SHOAL_HTTP_UNAUTHORIZED/)
    }
  })

  it('finds the token in the environment, in a file, and beside a seed of this machine', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'shoal-cli-'))
    try {
      await mkdir(join(directory, '.shoal/seed'), { recursive: true })
      await writeFile(join(directory, '.shoal/seed/operator.token'), `${TOKEN}\n`)
      await writeFile(join(directory, 'my.token'), `${TOKEN}\n`)
      const at = ['status', '--seed', seed.url]
      const codes = [
        await runCli(at, { env: { SHOAL_TOKEN: TOKEN } }),
        await runCli(at, { env: { SHOAL_TOKEN_FILE: 'my.token' }, cwd: directory }),
        await runCli([...at, '--token-file', 'my.token'], { env: { SHOAL_TOKEN: 'wrong' }, cwd: directory }),
        await runCli(at, { cwd: directory }),
        await runCli(['status'], { env: { SHOAL_SEED_URL: seed.url }, cwd: directory }),
      ]
      assert.deepEqual(
        codes.map(({ code }) => code),
        [0, 0, 0, 0, 0],
      )
      await chmod(join(directory, 'my.token'), 0o600)
      const absent = await runCli([...at, '--token-file', 'absent'], { cwd: directory })
      assert.equal(absent.code, EXIT.usage)
      assert.match(absent.stderr, /SHOAL_CLI_TOKEN_FILE/)
    } finally {
      await rm(directory, { recursive: true })
    }
  })

  it('exits 130 when it is interrupted while it waits', async () => {
    seed.state.onImport = (image) => {
      Object.assign(image, { import: buildImport({ state: 'queued', bytesRead: 0, finishedAt: null }) })
      interruption.abort(new Error('SIGINT received'))
    }
    const interruption = new AbortController()
    const argv = ['image', 'import', 'id-3', '--wait', ...access]
    const { code, stderr } = await runCli(argv, { signal: interruption.signal })
    assert.equal(code, EXIT.interrupted)
    assert.equal(stderr, '')
  })
})

describe('shoal without a seed', () => {
  it('inspects a file of this machine', async (t) => {
    const cwd = await mkdtemp(join(tmpdir(), 'shoal-cli-'))
    t.after(() => rm(cwd, { recursive: true }))
    await writeFile(join(cwd, 'good.qcow2'), buildQcow2())
    await writeFile(join(cwd, 'overlay.qcow2'), buildQcow2({ backingOffset: 512n, backingLength: 8 }))
    await writeFile(join(cwd, 'disk'), Buffer.alloc(1024))
    const inspect = async (...argv: string[]) => {
      const { code, stdout, stderr } = await runCli(['image', 'inspect', ...argv, '--json'], { cwd })
      return [code, code === EXIT.usage ? JSON.parse(stderr).error.code : JSON.parse(stdout).isAccepted]
    }
    assert.deepEqual(await inspect('good.qcow2', '--format', 'qcow2'), [EXIT.ok, true])
    assert.deepEqual(await inspect('./good.qcow2', '--format', 'raw'), [EXIT.incomplete, false])
    assert.deepEqual(await inspect('./disk', '--format', 'raw'), [EXIT.ok, true])
    assert.deepEqual(await inspect('overlay.qcow2', '--format', 'qcow2'), [EXIT.incomplete, false])
    assert.deepEqual(await inspect('overlay.qcow2', '--format', 'qcow2', '--allow-backing-file'), [EXIT.ok, true])
    assert.deepEqual(await inspect('./good.qcow2'), [EXIT.usage, 'SHOAL_CLI_USAGE'])
    assert.deepEqual(await inspect('./absent', '--format', 'raw'), [EXIT.usage, 'SHOAL_CLI_IMAGE_FILE'])
    assert.deepEqual(await inspect('./', '--format', 'raw'), [EXIT.usage, 'SHOAL_CLI_IMAGE_FILE'])
  })

  it('exits 5 when nobody answers', async () => {
    const { code, stderr } = await runCli(['status', '--seed', 'http://127.0.0.1:1'])
    assert.equal(code, EXIT.unreachable)
    assert.match(stderr, /code: SHOAL_API_UNREACHABLE/)
  })

  it('prints the error as JSON when asked, even that of a wrong command line', async () => {
    const { code, stderr } = await runCli(['image', 'nonsense', '--json'])
    assert.equal(code, EXIT.usage)
    assert.equal(JSON.parse(stderr).error.code, 'SHOAL_CLI_USAGE')
  })

  it('exits 2 for a wrong command line', async () => {
    const wrong = [
      [],
      ['image'],
      ['imag', 'list'],
      ['image', 'list', '--foo'],
      ['layer', 'show'],
      ['status', '--seed', 'x'],
      ['event', 'list', '--last', 'many'],
      ['event', 'watch', '--after', '-1'],
      ['layer', 'assign', 'x', '--all', '--priority', '1.5'],
    ]
    for (const argv of wrong) {
      const { code, stdout, stderr } = await runCli(argv)
      assert.equal(code, EXIT.usage, argv.join(' '))
      assert.equal(stdout, '')
      assert.match(stderr, /^error: .+\nhint: .+\ncode: SHOAL_CLI_/)
    }
  })

  it('has help for every command that names its options', async () => {
    for (const { usage, options, moreOptions, summary } of commands) {
      const name = usage.replace(/ [<[].*/, '').split(' ')
      const { code, stdout } = await runCli([...name, '--help'])
      assert.equal(code, EXIT.ok, usage)
      assert.ok(stdout.startsWith(`shoal ${usage}`), stdout)
      assert.ok(stdout.replace(/\s+/g, ' ').includes(summary), usage)
      const names = Object.keys({ ...options, ...(await moreOptions()) })
      for (const option of names) assert.ok(stdout.includes(`--${option}`), `${usage} --${option}`)
    }
  })

  it('prints the completion scripts, which ask it for words', async () => {
    for (const shell of ['bash', 'zsh']) {
      const { code, stdout } = await runCli(['completion', shell])
      assert.equal(code, EXIT.ok)
      assert.match(stdout, /shoal --get-yargs-completions/)
    }
    assert.match((await runCli(['completion'], { env: { SHELL: '/bin/zsh' } })).stdout, /^#compdef shoal/)
    assert.equal((await runCli(['completion'])).code, EXIT.usage)
    const words = await runCli(['--get-yargs-completions', 'shoal', 'layer', ''])
    assert.match(words.stdout, /^list\b/m)
    assert.match(words.stdout, /^verify\b/m)
  })
})
