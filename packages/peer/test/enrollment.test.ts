import { deepEqual, equal, rejects } from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { Enrollment } from '@shoal/api'
import { encodePublicKey, errorFactory, ManualClock, silentLogger } from '@shoal/core'
import { createMemoryState, type StateStore } from '@shoal/state'
import { EnrollmentKeeper } from '../src/enrollment.ts'
import { KeyTrust } from '../src/key-trust.ts'
import { PeerRecords } from '../src/peer-records.ts'
import type { SeedApi } from '../src/seed-link.ts'
import { fakeSeed } from './fake-seed.ts'
import { signingKey } from './layer-fixture.ts'
import { recordingLogger } from './recording-logger.ts'

const seedError = errorFactory({
  SHOAL_HTTP_UNAUTHORIZED: { message: 'm', hint: 'h' },
  SHOAL_API_UNREACHABLE: { message: 'm', hint: 'h' },
})
const { signal } = new AbortController()
const registration = {
  zone: '',
  rack: '',
  swarmAddress: '10.0.0.1:7441',
  swarmPeerId: '0'.repeat(40),
  dhtAddress: null,
  apiUrl: null,
  capacityBytes: 1,
  version: '1',
}

function enrollmentOf(publicKey: string, change: Partial<Enrollment> = {}): Enrollment {
  return {
    heartbeatIntervalMs: 1000,
    publicKeys: [publicKey],
    trackers: ['http://seed:1/announce'],
    dhtBootstrap: ['seed:2'],
    originAddress: 'seed:3',
    reachable: true,
    reachability: 'It answers.',
    ...change,
  }
}

interface SetUpOptions {
  readonly state?: StateStore
  readonly publicKey?: string
  readonly capacityBytes?: () => number
}

async function setUp(registerNode: SeedApi['registerNode'], options: SetUpOptions = {}) {
  const log = recordingLogger()
  const clock = new ManualClock()
  const records = new PeerRecords({ state: options.state ?? createMemoryState(), logger: silentLogger })
  // A seed that has never changed its key.
  const seed = fakeSeed({ registerNode, listKeys: async () => ({ keys: [], statements: [] }) })
  const trust = new KeyTrust(
    { seed, records, clock, logger: log.logger },
    { publicKey: options.publicKey ?? null, seedUrl: 'http://seed' },
  )
  const applied: Enrollment[] = []
  const keeper = new EnrollmentKeeper(
    {
      ...{ seed, records, trust, clock, random: () => 0.5, logger: log.logger },
      apply: (enrollment) => applied.push(enrollment),
      onRefused: () => {},
    },
    {
      node: 'n',
      seedUrl: 'http://seed',
      tokenFile: null,
      hasCertificate: false,
      registration: async () => ({ ...registration, capacityBytes: options.capacityBytes?.() ?? 1 }),
    },
  )
  await trust.open()
  await keeper.open()
  return { keeper, trust, applied, log }
}

test('what the seed said is applied, and known again after a restart', async () => {
  const { publicKey } = signingKey()
  const state = createMemoryState()
  const said = enrollmentOf(publicKey)
  const first = await setUp(async () => said, { state })
  equal(first.keeper.current, undefined)
  await first.keeper.register({ signal })
  deepEqual(first.applied, [said])
  equal(first.keeper.isRegistered, true)

  const second = await setUp(
    async () => {
      throw seedError('SHOAL_API_UNREACHABLE')
    },
    { state },
  )
  await rejects(second.keeper.register({ signal }), { code: 'SHOAL_API_UNREACHABLE' })
  deepEqual(second.keeper.current, said)
  equal(second.keeper.isRegistered, false)
  deepEqual(second.trust.keys().map(encodePublicKey), [publicKey])
})

test('the first keys shown are pinned; others are reported and not trusted, across restarts too', async () => {
  const state = createMemoryState()
  const [first, other] = [signingKey(), signingKey()]
  const { keeper } = await setUp(async () => enrollmentOf(first.publicKey), { state })
  await keeper.register({ signal })
  const later = await setUp(async () => enrollmentOf(other.publicKey), { state })
  await later.keeper.register({ signal })
  deepEqual(later.trust.keys().map(encodePublicKey), [first.publicKey])
  equal(later.log.codes('error').join(), 'SHOAL_PEER_SEED_KEY')
})

test('a configured key is the only one trusted, whatever was pinned or is shown', async () => {
  const [configured, shown] = [signingKey(), signingKey()]
  const { keeper, trust, log } = await setUp(async () => enrollmentOf(shown.publicKey), {
    publicKey: configured.publicKey,
  })
  await keeper.register({ signal })
  await keeper.register({ signal })
  deepEqual(trust.keys().map(encodePublicKey), [configured.publicKey])
  equal(log.codes('error').join(), 'SHOAL_PEER_SEED_KEY')
})

test('a refused token is an error of its own', async () => {
  const { keeper } = await setUp(async () => {
    throw seedError('SHOAL_HTTP_UNAUTHORIZED')
  })
  await rejects(keeper.register({ signal }), { code: 'SHOAL_PEER_TOKEN_REFUSED' })
})

test('a node that others cannot reach says so once, with what to do', async () => {
  const { publicKey } = signingKey()
  const said = enrollmentOf(publicKey, { reachable: false, reachability: 'No answer within 2000 ms.' })
  const { keeper, log } = await setUp(async () => said)
  await keeper.register({ signal })
  await keeper.register({ signal })
  equal(log.codes('warn').join(), 'SHOAL_PEER_UNREACHABLE')
})

test('a disk that was full when the node registered does not keep it small: it says so as soon as it has room', async () => {
  const { publicKey } = signingKey()
  const told: number[] = []
  let roomBytes = 32
  const { keeper } = await setUp(
    async ({ body }) => {
      told.push(body.capacityBytes)
      return enrollmentOf(publicKey)
    },
    { capacityBytes: () => roomBytes },
  )
  await keeper.register({ signal })
  const stop = new AbortController()
  const running = keeper.run({ signal: stop.signal, isDone: true }).catch(() => {})
  keeper.noteCapacity(33)
  await nextTurn()
  deepEqual(told, [32])
  roomBytes = 900
  keeper.noteCapacity(roomBytes)
  await nextTurn()
  deepEqual(told, [32, 900])
  stop.abort()
  await running
})
