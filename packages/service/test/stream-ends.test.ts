import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ManualClock } from '@shoal/core'
import {
  type Caller,
  type Credential,
  type Credentials,
  HttpSessions,
  hashOfToken,
  isSameHash,
  registerOperation,
  type StreamMessage,
} from '@shoal/service'
import { bearer, buildService } from './start-service.ts'

const operation = {
  id: 'listen',
  method: 'GET',
  path: '/v1/stream',
  role: 'operator',
  summary: 'Streams.',
  contentType: 'text/event-stream',
} as const

/** Tokens that a test gives and takes. */
class Tokens implements Credentials {
  readonly held = new Map<string, Credential>()

  give(name: string, role: Credential['role']): string {
    this.held.set(name, { name, role, hash: hashOfToken(name) })
    return name
  }

  byToken(token: string): Credential | undefined {
    return [...this.held.values()].find(({ hash }) => isSameHash(hash, hashOfToken(token)))
  }

  byName(name: string): Credential | undefined {
    return this.held.get(name)
  }
}

async function* nothing(signal: AbortSignal): AsyncGenerator<StreamMessage<undefined>> {
  yield { event: 'first', data: undefined }
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

/** A service with one stream; `listen` opens it, `next` reads on and is `undefined` at its end. */
async function streaming(options: Parameters<typeof buildService>[0] = {}) {
  const tokens = new Tokens()
  const clock = new ManualClock(Date.now())
  const sessions = new HttpSessions({ credentials: tokens, secret: 'secret' }, () => clock.now())
  const { service } = await buildService({ credentials: tokens, sessions, streamCheckMs: 10, ...options })
  registerOperation(service.app, operation, ({ signal }) => nothing(signal), { keepAliveMs: 5 })
  const url = await service.start()
  const listen = async (headers: Record<string, string>) => {
    const response = await fetch(`${url}/v1/stream`, { headers })
    const body = response.body?.getReader()
    const read = async () => (await body?.read())?.value
    return {
      status: response.status,
      /** Resolves when the service ends it. */
      ended: async () => {
        while ((await read()) !== undefined);
      },
      /** Resolves when it was alive for so many more keep-alives. */
      lives: async (times: number) => {
        for (let each = 0; each < times; each += 1) assert.notEqual(await read(), undefined)
      },
      close: () => body?.cancel(),
    }
  }
  return { tokens, sessions, clock, listen, [Symbol.asyncDispose]: service.stop }
}

describe('an open event stream ends', () => {
  test('when its token is revoked, and no other does', async () => {
    await using service = await streaming()
    const [one, other] = ['one', 'other'].map((name) => service.tokens.give(name, 'operator'))
    const ended = await service.listen(bearer(one ?? ''))
    const going = await service.listen(bearer(other ?? ''))
    await ended.lives(5)
    service.tokens.held.delete('one')
    await ended.ended()
    await going.lives(10)
    await going.close()
    assert.equal((await service.listen(bearer(one ?? ''))).status, 401)
  })

  test('when its token has a lower role, or is another one of the same name', async () => {
    await using service = await streaming()
    const one = await service.listen(bearer(service.tokens.give('one', 'operator')))
    service.tokens.give('one', 'reader')
    await one.ended()
    const two = await service.listen(bearer(service.tokens.give('two', 'operator')))
    service.tokens.held.set('two', { name: 'two', role: 'operator', hash: hashOfToken('another') })
    await two.ended()
  })

  test('when its session is ended, its token revoked, or its time over', async () => {
    await using service = await streaming()
    service.tokens.give('ann', 'operator')
    const open = async () => {
      const credential = { name: 'ann', role: 'operator', hash: hashOfToken('ann') } as const
      const cookie = `shoal-session=${service.sessions.open(credential).value}`
      return { cookie, stream: await service.listen({ cookie }) }
    }
    const first = await open()
    service.sessions.end(first.cookie)
    await first.stream.ended()
    const second = await open()
    service.tokens.held.delete('ann')
    await second.stream.ended()
    service.tokens.give('ann', 'operator')
    const third = await open()
    service.clock.advance(13 * 3_600_000)
    await third.stream.ended()
  })

  test('when the identity service takes its token back, and not while that cannot say', async () => {
    let says: 'yes' | 'no' | 'nothing' = 'yes'
    const find = async (): Promise<Caller | undefined> => {
      if (says === 'nothing') throw new Error('it does not answer')
      return says === 'yes' ? { role: 'operator', actor: 'user:ann@Default' } : undefined
    }
    await using service = await streaming({ cloud: { find } })
    const stream = await service.listen({ 'x-auth-token': 'token' })
    says = 'nothing'
    await stream.lives(10)
    says = 'no'
    await stream.ended()
  })
})
