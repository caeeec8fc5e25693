import { writeFile } from 'node:fs/promises'
import { cliReference } from './reference.ts'

// Run by hand after a command changed: node packages/cli/src/write-reference.ts
await writeFile(new URL('../../../docs/cli.md', import.meta.url), await cliReference())
