import { type DestinationStream, destination, pino } from 'pino'

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof LOG_LEVELS)[number]

/** Field names whose values never reach the log, at the top of an entry and one level down. */
const SECRET_FIELDS = ['token', 'password', 'secret', 'authorization', 'Authorization', 'privateKey']

/**
 * The log of a service: JSON lines, by default on standard output. It satisfies the `Logger` port of `core`.
 * Writing is synchronous, so that the last lines before a crash are there.
 */
export function createLog(options: { name: string; level: LogLevel; destination?: DestinationStream }) {
  return pino(
    {
      name: options.name,
      level: options.level,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { error: pino.stdSerializers.errWithCause },
      redact: { paths: SECRET_FIELDS.flatMap((field) => [field, `*.${field}`]), censor: '<redacted>' },
    },
    options.destination ?? destination({ fd: 1, sync: true }),
  )
}
