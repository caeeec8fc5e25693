/** An event of node:test's runner, as far as joining needs to know it. */
export interface TestRunEvent {
  readonly type: string
  readonly data?: unknown
}

const COUNT = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/

/**
 * One run after the other as if they were one, for a single reporter: what closes each run is held back, and the
 * end has one closing event (on which the reporter lists what failed) and then the sums of all counts.
 */
export async function* joinTestRuns(
  runs: readonly (() => AsyncIterable<TestRunEvent>)[],
): AsyncGenerator<TestRunEvent> {
  const counts = new Map<string, number>()
  let closing: TestRunEvent | undefined
  for (const start of runs) {
    for await (const event of start()) {
      const [, name, value] = COUNT.exec(ownDiagnostic(event)) ?? []
      if (name !== undefined) counts.set(name, (counts.get(name) ?? 0) + Number(value))
      else if (event.type === 'test:summary' && fileOf(event) === undefined) closing = event
      else yield event
    }
  }
  if (closing !== undefined) yield closing
  for (const [name, value] of counts) {
    const message = `${name} ${Number(value.toFixed(3))}`
    yield { type: 'test:diagnostic', data: { nesting: 0, message, level: 'info' } }
  }
}

/** The message of a run's own diagnostics; those of a test carry the test's file. */
function ownDiagnostic(event: TestRunEvent): string {
  if (event.type !== 'test:diagnostic' || fileOf(event) !== undefined) return ''
  return (event.data as { message?: string }).message ?? ''
}

function fileOf(event: TestRunEvent): string | undefined {
  return (event.data as { file?: string } | undefined)?.file
}
