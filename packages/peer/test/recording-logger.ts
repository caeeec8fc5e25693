import type { Logger } from '@shoal/core'

type Level = 'debug' | 'info' | 'warn' | 'error'

/** A logger that keeps what it is told. */
export function recordingLogger(): { logger: Logger; codes(level: Level): unknown[] } {
  const lines: { level: Level; fields: Record<string, unknown> }[] = []
  const method = (level: Level) => (fields: Record<string, unknown>) => void lines.push({ level, fields })
  const logger: Logger = {
    debug: method('debug'),
    info: method('info'),
    warn: method('warn'),
    error: method('error'),
    child: () => logger,
  }
  return { logger, codes: (level) => lines.filter((line) => line.level === level).map(({ fields }) => fields.code) }
}
