import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { peerConfigDefaults } from '@shoal/peer'
import { seedConfigDefaults } from '@shoal/seed'
import { DEFAULT_TOKEN_FILES } from '../src/access-token.ts'
import { EXIT } from '../src/exit-code.ts'
import { DEFAULT_SEED_URL } from '../src/global-options.ts'
import { runCli } from './run-cli.ts'

describe('seed serve and peer serve', () => {
  it('print the configuration that holds: flag over environment over default', async () => {
    const env = { SHOAL_PEER_SEED_URL: 'http://127.0.0.9:7420', SHOAL_PEER_ZONE: 'env' }
    const argv = ['peer', 'serve', '--zone', 'flag', '--print-config', '--json']
    const { code, stdout } = await runCli(argv, { env })
    assert.equal(code, EXIT.ok)
    const config = JSON.parse(stdout)
    assert.equal(config.zone, 'flag')
    assert.equal(config.seed.url, 'http://127.0.0.9:7420')
    assert.equal(config.api.port, peerConfigDefaults.api.port)
  })

  it('take SHOAL_SEED_URL for the command line, not for a setting of the seed', async () => {
    const { code, stdout } = await runCli(['seed', 'serve', '--print-config'], { env: { SHOAL_SEED_URL: 'http://x' } })
    assert.equal(code, EXIT.ok)
    assert.match(stdout, /^listen:\n {2}host: 127\.0\.0\.1\n/m)
  })

  it('exit 2 for a configuration that is not valid, with every fault named', async () => {
    const argv = ['seed', 'serve', '--print-config', '--listen.port', 'many', '--dht.enabled', 'perhaps']
    const { code, stderr } = await runCli(argv)
    assert.equal(code, EXIT.usage)
    assert.match(stderr, /listen\.port .*\n.*dht\.enabled .*\nhint: .*\ncode: SHOAL_CONFIG_INVALID/)
  })

  it('exit 2 for a setting that does not exist', async () => {
    const { code, stderr } = await runCli(['seed', 'serve', '--listen.prot', '1'])
    assert.equal(code, EXIT.usage)
    assert.match(stderr, /listen\.prot/)
  })
})

it('looks for seed, peer and their tokens where default settings have them', () => {
  const { host, port } = seedConfigDefaults.listen
  assert.equal(DEFAULT_SEED_URL, `http://${host}:${port}`)
  assert.equal(DEFAULT_TOKEN_FILES.seed[1], `${seedConfigDefaults.stateDirectory}/operator.token`)
  assert.equal(DEFAULT_TOKEN_FILES.peer[1], `${peerConfigDefaults.stateDirectory}/api-token`)
})
