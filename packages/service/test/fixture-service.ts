import { ShoalError } from '@shoal/core'
import { createHealth, createHttpService, createLog, createMetrics, loadConfig, runService } from '@shoal/service'
import { Type } from 'typebox'

// A whole service for run-service.test.ts, which starts it as a process of its own. `misbehave` says what it does wrong.

const schema = Type.Object({
  listen: Type.Object({ port: Type.Integer({ description: 'Port.' }) }),
  misbehave: Type.String({ description: 'What goes wrong.' }),
})

const logger = createLog({ name: 'shoal-fixture', level: 'info' })

const options = {
  name: 'shoal-fixture',
  logger,
  stopTimeoutMs: 300,
  configurationFaults: new Set(['SHOAL_FIXTURE_SETTINGS']),
}

await runService(options, async (signal) => {
  const config = loadConfig(schema, {
    defaults: { listen: { port: 0 }, misbehave: '' },
    env: process.env,
    envPrefix: 'SHOAL_FIXTURE',
    argvName: 'fixture',
  })
  const service = await createHttpService(
    { logger, metrics: createMetrics(), health: createHealth() },
    {
      name: 'shoal-fixture',
      version: '1',
      host: '127.0.0.1',
      port: config.listen.port,
      tokens: {},
      openapi: { title: 'Fixture', description: 'A fixture.' },
    },
  )
  if (config.misbehave === 'settings') throw new ShoalError('SHOAL_FIXTURE_SETTINGS', 'Bad.', { hint: 'Mend it.' })
  if (config.misbehave === 'slow-start') {
    logger.info({}, 'waiting')
    await new Promise((_, reject) => {
      const timer = setInterval(() => {}, 1000)
      signal.addEventListener('abort', () => {
        clearInterval(timer)
        reject(signal.reason)
      })
    })
  }
  const url = await service.start()
  logger.info({ url }, 'listening')
  if (config.misbehave === 'throw') setImmediate(() => assertNothing())
  if (config.misbehave === 'reject') void Promise.reject(new Error('nobody handles this'))
  if (config.misbehave === 'never-stop') return { [Symbol.asyncDispose]: () => new Promise(() => {}) }
  if (config.misbehave === 'fail-stop') return { [Symbol.asyncDispose]: () => Promise.reject(new Error('cannot stop')) }
  return service
})

function assertNothing(): void {
  throw new Error('nobody handles this')
}
