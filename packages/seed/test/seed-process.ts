import { serveSeed } from '../src/index.ts'

// A seed in a process of its own, for tests that kill it: flags as JSON in the first argument.
await serveSeed({ env: {}, flags: JSON.parse(process.argv[2] ?? '{}') as Record<string, string> })
